package plugintest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"google.golang.org/grpc"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Profile is what a Run begins with.
type Profile struct {
	Protocol string
	Options  map[string]string // defaults are not filled in
	Stored   []string          // keys of the secret options with a value, which Answer gives
	Trace    bool
	// ShareLogin has the plugin hand out its session; see LoggedIn. LoginOnly wants no more
	// than that: a Stop is the answer.
	ShareLogin, LoginOnly bool
	// Resume goes on with the host's checkpoint and paths, as after a crash or a lost path.
	Resume bool
	// Checkpoint replaces the host's, if not nil.
	Checkpoint []byte
}

// Progress is one line for people and logs.
type Progress struct {
	Level pluginpb.Progress_Level
	Text  string
}

// Run is one session's conversation.
type Run struct {
	h           *Host
	stream      grpc.BidiStreamingClient[pluginpb.FromHost, pluginpb.FromPlugin]
	descriptors *net.UnixConn
	ctx         context.Context // ends with the conversation
	cancel      context.CancelFunc
	over        chan struct{} // closed when the stream has ended and err is set
	err         error

	sending sync.Mutex
	lastID  uint64
	sent    int

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced whenever something below changes
	phase    phase
	heard    []string // kinds of messages, in order
	opens    []*pluginpb.Open
	prompts  []prompt.Prompt
	progress []Progress
	phases   []sdk.Phase
	configs  []sdk.NetConfig
	attached []*Path
	taken    struct{ configs, paths int } // by Config and Path
	links    map[uint32]*link             // open and not attached; nil while opening
	used     map[uint32]bool              // transports' numbers
	pending  map[uint64]context.CancelFunc
	openings map[uint32]context.CancelFunc
	handover map[uint64]chan []byte // residuals by the id of their Attach
	resumeID uint64                 // of the Resume not yet answered, or 0
	failure  *sdk.Failure
	loggedIn *pluginpb.LoggedIn

	loginOnly bool
	greased   int // unknown messages sent with an id
	refused   int // and refused by the plugin
}

// Run starts a session of p in this process.
func (h *Host) Run(p sdk.Plugin, profile Profile) *Run {
	h.t.Helper()
	return h.Start(InProcess(h.t, p), profile)
}

// Start starts a session of a plugin that is served already.
func (h *Host) Start(target *Target, profile Profile) *Run {
	h.t.Helper()
	ctx, cancel := context.WithCancel(h.ctx)
	r := &Run{
		h: h, descriptors: target.Descriptors, ctx: ctx, cancel: cancel,
		over: make(chan struct{}), changed: make(chan struct{}),
		links: map[uint32]*link{}, used: map[uint32]bool{},
		pending: map[uint64]context.CancelFunc{}, openings: map[uint32]context.CancelFunc{},
		handover: map[uint64]chan []byte{},
	}
	var err error
	if r.stream, err = target.Client.Session(ctx); err != nil {
		h.t.Fatalf("plugintest: %v", err)
	}
	first := h.first(r, profile)
	h.mu.Lock()
	if h.run != nil {
		h.mu.Unlock()
		h.t.Fatal("plugintest: a run is under way; end it with Stop and Wait, or with Kill")
	}
	h.run = r
	h.mu.Unlock()
	r.send(first)
	h.goes(r.receive)
	return r
}

// first is the session's first message.
func (h *Host) first(r *Run, p Profile) *pluginpb.FromHost {
	start := &pluginpb.Start{Protocol: p.Protocol, Options: p.Options, Stored: p.Stored, Trace: p.Trace, Connection: "test", ShareLogin: p.ShareLogin || p.LoginOnly}
	r.loginOnly = p.LoginOnly
	if !p.Resume {
		h.dropPaths()
		h.mu.Lock()
		h.checkpoint, h.configured = nil, false
		h.mu.Unlock()
		return &pluginpb.FromHost{Message: &pluginpb.FromHost_Start{Start: start}}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	resume := &pluginpb.Resume{Start: start, Checkpoint: h.checkpoint, Configured: h.configured}
	if p.Checkpoint != nil {
		resume.Checkpoint = p.Checkpoint
	}
	for id, path := range h.paths {
		r.used[id] = true
		resume.Installed = append(resume.Installed, &pluginpb.InstalledPath{Transport: id, Kind: path.Kind, Preference: int32(path.Preference)})
	}
	r.lastID++
	r.resumeID = r.lastID
	return &pluginpb.FromHost{Id: r.resumeID, Message: &pluginpb.FromHost_Resume{Resume: resume}}
}

// send greases m and sends it; every few messages an unknown one goes before it.
func (r *Run) send(m *pluginpb.FromHost) {
	r.sending.Lock()
	defer r.sending.Unlock()
	if r.sent%greaseEvery == 1 {
		r.lastID++
		r.note(func() { r.greased++ })
		_ = r.stream.Send(fromTheFuture(r.lastID))
		_ = r.stream.Send(fromTheFuture(0))
	}
	r.sent++
	grease(m)
	_ = r.stream.Send(m) // the end of the stream is noticed by receive
}

// note changes what is recorded and wakes who waits for it.
func (r *Run) note(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
	close(r.changed)
	r.changed = make(chan struct{})
}

// receive runs until the stream ends.
func (r *Run) receive() {
	var err error
	for err == nil {
		var m *pluginpb.FromPlugin
		if m, err = r.stream.Recv(); err == nil {
			r.handle(m)
		}
	}
	r.finish(err)
}

func (r *Run) finish(err error) {
	r.cancel()
	r.mu.Lock()
	links := r.links
	r.links = map[uint32]*link{}
	r.mu.Unlock()
	for _, l := range links {
		l.close()
	}
	switch {
	case r.failure != nil:
		r.err = r.failure
	case !errors.Is(err, io.EOF):
		r.err = err
	}
	r.h.mu.Lock()
	r.h.run = nil
	r.h.mu.Unlock()
	r.note(func() { close(r.over) })
}

// Wait waits for the session's end: nil when the plugin ended it well, *sdk.Failure
// when it said why not, any other error when it broke the contract or was killed.
func (r *Run) Wait() error {
	r.h.t.Helper()
	r.until("the session's end", func() bool { return r.isOver() })
	return r.err
}

func (r *Run) isOver() bool {
	select {
	case <-r.over:
		return true
	default:
		return false
	}
}

// until waits for what the test expects; r.mu is held while done is asked.
func (r *Run) until(what string, done func() bool) {
	r.h.t.Helper()
	changed := func() <-chan struct{} {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.changed
	}
	ok := r.h.wait(changed, func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return done() || r.isOver()
	})
	if !ok {
		r.h.t.Fatalf("plugintest: %s did not come; the plugin %s", what, r.history())
	}
}

// expect is until, and fails the test when the session ends first.
func (r *Run) expect(what string, done func() bool) {
	r.h.t.Helper()
	r.until(what, done)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !done() {
		r.h.t.Fatalf("plugintest: %s did not come before the session ended with %v; the plugin %s", what, r.err, r.historyLocked())
	}
}

func (r *Run) history() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.historyLocked()
}

func (r *Run) historyLocked() string {
	if len(r.heard) == 0 {
		return silence
	}
	out := "said " + strings.Join(r.heard, ", ")
	for _, p := range r.progress {
		out += fmt.Sprintf("\n\t%s: %s", p.Level, p.Text)
	}
	return out
}

// cut ends the conversation as if the host were gone, and waits for the end.
func (r *Run) cut() {
	r.cancel()
	<-r.over
}

// Kill ends the conversation as if the plugin had crashed: paths run on, and a next
// Run may resume. In this process, Connect's context ends.
func (r *Run) Kill() { r.cut() }

// silence is the history of a plugin that said nothing.
const silence = "said nothing"
