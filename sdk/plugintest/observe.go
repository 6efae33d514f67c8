package plugintest

import (
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Config waits for the next network settings.
func (r *Run) Config() sdk.NetConfig {
	r.h.t.Helper()
	r.expect("a NetConfig", func() bool { return len(r.configs) > r.taken.configs })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken.configs++
	return r.configs[r.taken.configs-1]
}

// Path waits for the next attached path.
func (r *Run) Path() *Path {
	r.h.t.Helper()
	r.expect("a path", func() bool { return len(r.attached) > r.taken.paths })
	r.mu.Lock()
	defer r.mu.Unlock()
	r.taken.paths++
	return r.attached[r.taken.paths-1]
}

// Opens is what the plugin has opened so far, refused ones too.
func (r *Run) Opens() []*pluginpb.Open {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.opens)
}

// Prompts is what the plugin has asked so far.
func (r *Run) Prompts() []prompt.Prompt {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.prompts)
}

// Phases is how far the plugin said that it is.
func (r *Run) Phases() []sdk.Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.phases)
}

// Progress is what the plugin has told people and logs so far.
func (r *Run) Progress() []Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.progress)
}

// Checkpoint is what the plugin last wanted kept.
func (h *Host) Checkpoint() []byte {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.checkpoint)
}

// Until waits until done holds, which it asks whenever the plugin has said something.
func (r *Run) Until(what string, done func(*Run) bool) {
	r.h.t.Helper()
	changed := func() <-chan struct{} {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.changed
	}
	if !r.h.wait(changed, func() bool { return done(r) }) {
		r.h.t.Fatalf("plugintest: %s did not come; the plugin %s", what, r.history())
	}
}

// StopDeadline is what a plugin gets to end after Stop.
const StopDeadline = 3 * time.Second

// Stop asks the plugin to end; Wait tells how it did.
func (r *Run) Stop(logout bool) { r.Send(sdk.Stop{Logout: logout, Deadline: StopDeadline}) }

// Send makes something happen. A PathEvent that says dead removes the path first.
func (r *Run) Send(e sdk.Event) {
	m := &pluginpb.FromHost{}
	switch e := e.(type) {
	case sdk.Stop:
		r.note(func() { r.phase = stopping })
		stop := &pluginpb.Stop{Reason: pluginpb.Stop_HANGUP, DeadlineMs: uint32(e.Deadline.Milliseconds())}
		if e.Logout {
			stop.Reason = pluginpb.Stop_LOGOUT
		}
		m.Message = &pluginpb.FromHost_Stop{Stop: stop}
	case sdk.NetworkChange:
		m.Message = &pluginpb.FromHost_Network{Network: &pluginpb.NetworkChange{Reachable: e.Reachable}}
	case sdk.Suspend:
		m.Message = &pluginpb.FromHost_Suspend{Suspend: &pluginpb.Suspend{}}
	case sdk.Wake:
		m.Message = &pluginpb.FromHost_Wake{Wake: &pluginpb.Wake{}}
	case sdk.ControlFrame:
		m.Message = &pluginpb.FromHost_Frame{Frame: &pluginpb.ControlFrame{Transport: e.Path, Type: e.Type, Payload: e.Payload}}
	case sdk.SAExpired:
		m.Message = &pluginpb.FromHost_SaExpire{SaExpire: &pluginpb.SaExpire{Transport: e.Path, Spi: e.SPI, Outbound: e.Outbound, Hard: e.Hard}}
	case sdk.PathEvent:
		if e.Kind == sdk.PathDead {
			r.h.dropPath(e.Path)
		}
		m.Message = &pluginpb.FromHost_Path{Path: &pluginpb.PathEvent{
			Transport: e.Path, Kind: pluginpb.PathEvent_Kind(e.Kind), Mtu: uint32(e.MTU), Reason: e.Reason,
		}}
	}
	r.send(m)
}

// LoggedIn waits until the plugin has handed out its session.
func (r *Run) LoggedIn() (cookie, gateway string) {
	r.h.t.Helper()
	r.expect("a LoggedIn", func() bool { return r.loggedIn != nil })
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loggedIn.GetCookie(), r.loggedIn.GetGateway()
}
