package host

import (
	"context"
	"errors"
	"io"

	"github.com/penstock-vpn/penstock/host/internal/plugin"
	"github.com/penstock-vpn/penstock/host/internal/session"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// outboxSize is how many messages a plugin may leave unread before it counts as hung.
const outboxSize = 512

// maxFramesUnread is how many may wait when a control frame comes that is passed on:
// anybody may have sent it, and nothing else must be lost for it.
const maxFramesUnread = outboxSize / 2

// life is one run of the plugin's process: a session has one after the other when
// the plugin crashes or must resume. What is posted for a life that is over is dropped.
type life struct {
	ctx     context.Context
	cancel  context.CancelFunc
	process *plugin.Process
	outbox  chan *pluginpb.FromHost
	prompts map[uint64]context.CancelFunc
	adopted bool // Resume was answered, or there was none
	stop    *pluginpb.Stop
}

// startLife starts the plugin; resume hands it what an earlier life left.
func (c *connection) startLife(resume bool) {
	c.endLife()
	if !resume {
		c.checkpoint = nil
		c.removePaths(nil)
	}
	if c.state.Tries > 1 {
		c.dialer.Forget() // the gateway may have moved
	}
	l := &life{outbox: make(chan *pluginpb.FromHost, outboxSize), prompts: map[uint64]context.CancelFunc{}, adopted: !resume}
	l.ctx, l.cancel = context.WithCancel(c.ctx)
	c.life = l
	first := c.firstMessage(resume)
	c.lives.Go(func() { c.runLife(l, first) })
}

// runLife is a life from the outside of the loop: start, then read until the end.
func (c *connection) runLife(l *life, first *pluginpb.FromHost) {
	p, err := c.startPlugin(l)
	if err != nil {
		c.postTo(l, func() { c.step(session.Crashed{Why: diag.Of(err)}) })
		return
	}
	defer p.Kill()
	stream, err := c.openSession(l, p)
	if err != nil {
		c.postTo(l, func() { c.step(session.Crashed{Why: diag.Of(err)}) })
		return
	}
	c.postTo(l, func() { c.started(l, p) })
	go sendAll(l, stream, first)
	for {
		m, err := stream.Recv()
		if err != nil {
			c.postTo(l, func() { c.lifeEnded(err) })
			break
		}
		c.postTo(l, func() { c.receive(m) })
	}
	<-l.ctx.Done()
}

// startPlugin looks the manifest up each time: the package may have been upgraded.
func (c *connection) startPlugin(l *life) (*plugin.Process, error) {
	m, err := lookup(c.profile.Protocol, c.settings.PluginDirs)
	if err != nil {
		return nil, err
	}
	return plugin.Start(l.ctx, plugin.Launch{Manifest: m, Logger: c.log})
}

func (c *connection) openSession(l *life, p *plugin.Process) (*plugin.Stream, error) {
	problems, err := p.Validate(l.ctx, c.pluginOptions())
	if err != nil {
		return nil, err
	}
	for i := range problems {
		if !problems[i].Warning {
			return nil, &problems[i]
		}
		c.log.Warn(problems[i].Error())
	}
	return p.Session(l.ctx)
}

// sendAll writes what the loop queued; a plugin that does not read stalls only this.
func sendAll(l *life, stream *plugin.Stream, first *pluginpb.FromHost) {
	if stream.Send(first) != nil {
		return
	}
	for {
		select {
		case m := <-l.outbox:
			if stream.Send(m) != nil {
				return // Recv tells why
			}
		case <-l.ctx.Done():
			return
		}
	}
}

// postTo posts for a life; after its end the loop drops it.
func (c *connection) postTo(l *life, act func()) {
	c.post(func() {
		if c.life == l {
			act()
		}
	})
}

func (c *connection) started(l *life, p *plugin.Process) {
	l.process = p
	c.step(session.Started{})
	if l.stop != nil {
		c.send(&pluginpb.FromHost{Message: &pluginpb.FromHost_Stop{Stop: l.stop}})
	}
}

// lifeEnded is the end of the stream without a Failed before it.
func (c *connection) lifeEnded(err error) {
	if errors.Is(err, io.EOF) {
		c.step(session.SessionEnded{})
		return
	}
	d := diag.Of(err)
	c.log.Debug("the plugin's session broke: " + d.Error())
	c.step(session.Crashed{Why: d})
}

// endLife kills the plugin and closes what it had open; its paths stay.
func (c *connection) endLife() {
	l := c.life
	if l == nil {
		return
	}
	c.life = nil
	l.cancel()
	for n, t := range c.transports {
		if !t.attached {
			c.closeLink(n)
		}
	}
}

// sayStop asks the plugin to end. One that has not started yet has nothing to end.
func (c *connection) sayStop(logout bool) {
	reason := pluginpb.Stop_HANGUP
	if logout {
		reason = pluginpb.Stop_LOGOUT
	}
	stop := &pluginpb.Stop{Reason: reason, DeadlineMs: uint32(stopPatience.Milliseconds())}
	switch {
	case c.life == nil:
		c.step(session.SessionEnded{})
	case c.life.process == nil:
		c.life.stop = stop
	default:
		for _, cancel := range c.life.prompts {
			cancel()
		}
		c.send(&pluginpb.FromHost{Message: &pluginpb.FromHost_Stop{Stop: stop}})
	}
}

// send queues m for the plugin.
func (c *connection) send(m *pluginpb.FromHost) {
	if c.life == nil {
		return
	}
	select {
	case c.life.outbox <- m:
	default:
		c.step(session.Crashed{Why: diag.New(diag.Plugin, "the plugin does not read its messages", "It will be started again; report it to its author.")})
	}
}

func (c *connection) firstMessage(resume bool) *pluginpb.FromHost {
	start := &pluginpb.Start{
		Protocol: c.profile.Protocol, Options: c.pluginOptions(), Stored: c.storedSecrets(),
		Trace: c.settings.Trace != nil || c.settings.Recorder != nil, Connection: c.profile.Name,
		ShareLogin: c.settings.OnLogin != nil,
	}
	if !resume {
		return &pluginpb.FromHost{Message: &pluginpb.FromHost_Start{Start: start}}
	}
	r := &pluginpb.Resume{Start: start, Checkpoint: c.checkpoint, Configured: c.configured}
	if c.plane != nil {
		for _, i := range c.plane.Installed() {
			r.Installed = append(r.Installed, &pluginpb.InstalledPath{Transport: i.ID, Kind: i.Kind, Preference: int32(i.Preference)})
		}
	}
	return &pluginpb.FromHost{Id: 1, Message: &pluginpb.FromHost_Resume{Resume: r}}
}

// storedSecrets are the keys of the secret options that a form's field is answered by.
func (c *connection) storedSecrets() []string {
	var keys []string
	for _, o := range c.schema {
		if value := c.profile.Secrets[o.Key]; o.Secret && !value.Empty() {
			keys = append(keys, o.Key)
		}
	}
	return keys
}

// pluginOptions are the session's options without secrets.
func (c *connection) pluginOptions() map[string]string {
	options := map[string]string{}
	for _, o := range c.schema {
		if v, ok := c.options[o.Key]; ok && !o.Secret && v != "" {
			options[o.Key] = v
		}
	}
	return options
}
