package host

import (
	"context"
	"strings"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/netmon"
	"github.com/penstock-vpn/penstock/host/internal/session"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// maxCheckpoint bounds what is kept for a plugin's next life, in bytes.
const maxCheckpoint = 64 << 10

// receive handles one message of the plugin; the permit table has let it through.
func (c *connection) receive(m *pluginpb.FromPlugin) {
	switch k := m.Message.(type) {
	case *pluginpb.FromPlugin_Phase:
		c.log.Debug("the session is " + strings.ToLower(k.Phase.GetPhase().String()))
		c.reply(m, nil)
		if k.Phase.GetPhase() == pluginpb.Phase_NEGOTIATING {
			c.negotiating()
		}
	case *pluginpb.FromPlugin_LoggedIn:
		c.loggedIn(m, k.LoggedIn)
	case *pluginpb.FromPlugin_Prompt:
		c.ask(m.Id, k.Prompt)
	case *pluginpb.FromPlugin_Open:
		c.open(m, k.Open)
	case *pluginpb.FromPlugin_Close:
		c.closeMessage(m, k.Close)
	case *pluginpb.FromPlugin_Attach:
		c.attach(m, k.Attach)
	case *pluginpb.FromPlugin_Residual:
		c.residual(m, k.Residual)
	case *pluginpb.FromPlugin_Config:
		c.configure(m, k.Config)
	case *pluginpb.FromPlugin_Frame:
		c.reply(m, c.sendControl(k.Frame))
	case *pluginpb.FromPlugin_InstallSa:
		c.reply(m, c.installSA(k.InstallSa))
	case *pluginpb.FromPlugin_RemoveSa:
		c.reply(m, c.removeSA(k.RemoveSa))
	case *pluginpb.FromPlugin_InstallMppe:
		c.reply(m, c.installMPPE(k.InstallMppe))
	case *pluginpb.FromPlugin_Checkpoint:
		c.keep(m, k.Checkpoint.GetData())
	case *pluginpb.FromPlugin_Export:
		c.export(m, k.Export)
	case *pluginpb.FromPlugin_VerifyChain:
		c.verifyChain(m, k.VerifyChain)
	case *pluginpb.FromPlugin_ClientCertificate:
		c.clientCertificate(m)
	case *pluginpb.FromPlugin_Sign:
		c.sign(m, k.Sign)
	case *pluginpb.FromPlugin_Adopted:
		c.adopt(k.Adopted.GetTransports())
	case *pluginpb.FromPlugin_Failed:
		c.failed(k.Failed)
	case *pluginpb.FromPlugin_Progress:
		c.progress(k.Progress)
	}
}

// reply answers m with Ok, or with Refused when err is one; a message without an
// id wants no answer.
func (c *connection) reply(m *pluginpb.FromPlugin, err error) {
	switch {
	case err != nil && m.Id == 0:
		c.log.Warn("a message of the plugin was refused: " + err.Error())
	case m.Id == 0:
	case err != nil:
		c.send(&pluginpb.FromHost{Re: m.Id, Message: &pluginpb.FromHost_Refused{Refused: &pluginpb.Refused{Diagnostic: toDiagnostic(diag.Of(err))}}})
	default:
		c.send(&pluginpb.FromHost{Re: m.Id, Message: &pluginpb.FromHost_Ok{Ok: &pluginpb.Ok{}}})
	}
}

func (c *connection) keep(m *pluginpb.FromPlugin, data []byte) {
	if len(data) > maxCheckpoint {
		c.reply(m, diag.Newf(diag.Invalid, "a checkpoint of %d bytes, at most %d are kept", len(data), maxCheckpoint))
		return
	}
	c.checkpoint = data
	c.reply(m, nil)
}

func (c *connection) adopt(transports []uint32) {
	c.removePaths(transports)
	c.life.adopted = true
	c.maybeUp()
}

func (c *connection) failed(f *pluginpb.Failed) {
	why := diag.New(diag.Unspecified, "the session failed", "The plugin gave no reason.")
	for i, d := range f.Diagnostics {
		parsed := c.parseDiagnostic(d)
		switch {
		case parsed.Warning:
			c.log.Warn(parsed.Error())
		case i == 0 || why.Detail == "The plugin gave no reason.":
			why = parsed
		default:
			c.log.Error(parsed.Error())
		}
	}
	c.endLife()
	c.step(session.Failed{Retry: retries[f.Retry], Why: why})
}

var retries = map[pluginpb.Failed_Retry]session.Retry{
	pluginpb.Failed_NEVER:   session.Never,
	pluginpb.Failed_NOW:     session.Now,
	pluginpb.Failed_BACKOFF: session.Backoff,
	pluginpb.Failed_REAUTH:  session.Reauth,
}

func (c *connection) progress(p *pluginpb.Progress) {
	words := c.redact.clean(ui.Clean(p.Text))
	switch p.Level {
	case pluginpb.Progress_TRACE:
		c.settings.Recorder.Text(ui.Clean(p.Text))
		if c.settings.Trace != nil {
			c.settings.Trace(words)
		}
	case pluginpb.Progress_WARN:
		c.log.Warn(words)
	case pluginpb.Progress_DEBUG:
		c.log.Debug(words)
	default:
		c.log.Info(words)
	}
}

// networkEvent passes on what happened to the machine's network.
func (c *connection) networkEvent(e netmon.Event) {
	switch e {
	case netmon.Suspend:
		c.send(&pluginpb.FromHost{Message: &pluginpb.FromHost_Suspend{Suspend: &pluginpb.Suspend{}}})
	case netmon.Wake:
		c.send(&pluginpb.FromHost{Message: &pluginpb.FromHost_Wake{Wake: &pluginpb.Wake{}}})
		c.step(session.Nudge{})
	case netmon.Changed:
		c.nudge()
	case netmon.Lost:
		c.tellNetwork(false)
	}
}

// nudge has a waiting connection try now, and a running one look after its path.
func (c *connection) nudge() {
	c.tellNetwork(true)
	c.step(session.Nudge{})
}

func (c *connection) tellNetwork(reachable bool) {
	c.send(&pluginpb.FromHost{Message: &pluginpb.FromHost_Network{Network: &pluginpb.NetworkChange{Reachable: reachable}}})
}

// planeEvent passes on what happened on a path.
func (c *connection) planeEvent(e dataplane.Event) {
	c.recordEvent(e)
	switch e.Kind {
	case dataplane.Control:
		if c.life != nil && len(c.life.outbox) >= maxFramesUnread {
			return // a plugin that is sent more than it can read does not hang
		}
		c.send(&pluginpb.FromHost{Message: &pluginpb.FromHost_Frame{Frame: &pluginpb.ControlFrame{Transport: e.Path, Type: e.Type, Payload: e.Payload}}})
		return
	case dataplane.Expired:
		c.sayExpired(e)
		return
	case dataplane.MTU:
		if e.Reason != "" {
			c.log.Info(e.Reason)
		}
		c.sendPath(e, pluginpb.PathEvent_MTU)
	case dataplane.Up:
		c.sendPath(e, pluginpb.PathEvent_UP)
		c.maybeUp()
	case dataplane.DeviceLost:
		c.step(session.Broken{Why: diag.New(diag.Unspecified, "the TUN device is gone", e.Reason+"; connect again")})
		return
	case dataplane.Dead:
		c.log.Debug("path ended: "+e.Reason, "path", e.Path)
		c.closeLink(e.Path)
		if e.Breach && !e.Replaced {
			c.step(session.Broken{Why: diag.New(diag.Protocol, "the tunnel cannot go on: "+e.Reason, "Ask the gateway's administrator; a device on the way may change the traffic.")})
			return
		}
		c.sendPath(e, pluginpb.PathEvent_DEAD)
		if _, _, ok := c.plane.Active(); !ok {
			c.step(session.PathsLost{Why: diag.New(diag.Unreachable, "the path to the gateway was lost", e.Reason)})
		}
	}
	c.publish()
}

func (c *connection) sendPath(e dataplane.Event, kind pluginpb.PathEvent_Kind) {
	c.send(&pluginpb.FromHost{Message: &pluginpb.FromHost_Path{Path: &pluginpb.PathEvent{
		Transport: e.Path, Kind: kind, Mtu: uint32(e.MTU), Reason: e.Reason,
	}}})
}

// ask has the user answer; what the answer holds is redacted from then on.
func (c *connection) ask(id uint64, m *pluginpb.Prompt) {
	p, err := parsePrompt(m)
	if err != nil {
		c.reply(&pluginpb.FromPlugin{Id: id}, err)
		return
	}
	l := c.life
	ctx, cancel := context.WithCancel(l.ctx)
	l.prompts[id] = cancel
	go func() {
		answer, err := c.prompter.Ask(ctx, p)
		c.postTo(l, func() {
			if _, waited := l.prompts[id]; !waited {
				return
			}
			delete(l.prompts, id)
			cancelled := ctx.Err() != nil
			cancel()
			if err != nil && !cancelled {
				c.reply(&pluginpb.FromPlugin{Id: id}, err)
				return
			}
			c.redact.learn(p, answer)
			c.send(&pluginpb.FromHost{Re: id, Message: &pluginpb.FromHost_Answer{Answer: &pluginpb.Answer{
				Cancelled: cancelled || answer.Cancelled, Values: answer.Values,
			}}})
		})
	}()
}

// takeBack ends a prompt that needs no answer any more.
func (c *connection) takeBack(id uint64) {
	if cancel, ok := c.life.prompts[id]; ok {
		delete(c.life.prompts, id)
		cancel()
	}
}
