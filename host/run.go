package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/internal/journal"
	"github.com/penstock-vpn/penstock/host/internal/netmon"
	"github.com/penstock-vpn/penstock/host/internal/plugin"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/host/internal/session"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

const stopPatience = 5 * time.Second

// Warm begins what Run needs whatever the connection is, so that it is done sooner.
func Warm() { plugin.Warm() }

// WarmFor begins what Run needs for a protocol. It returns at once.
func WarmFor(protocol string) {
	go func() {
		if m, err := lookup(protocol, nil); err == nil {
			plugin.Verify(m)
		}
	}()
}

// Run brings p up and holds it until it ends: nil when that was asked for, by ctx,
// by a Command or over the control socket, and a *diag.Diagnostic otherwise. When
// it returns, nothing of the connection is left on the machine. Needs root, except for
// a login alone and where Settings.OpenDevice makes the device.
func Run(ctx context.Context, p Profile, prompter ui.Prompter, applier netcfg.Applier, s Settings) error {
	if os.Geteuid() != 0 && !s.LoginOnly && s.OpenDevice == nil {
		return diag.New(diag.Config, "a connection needs root", "It opens a TUN device and sets routes; run it with sudo or through NetworkManager, or without root as a proxy: --proxy-listen 127.0.0.1:1080.")
	}
	if err := noCoreDump(); err != nil {
		return fmt.Errorf("forbid core dumps, which would hold secrets: %w", err)
	}
	if s.LoginOnly { // nothing will be set up, and nobody asks how it is
		return hold(ctx, p, prompter, applier, nil, s, nil)
	}
	dir, err := control.Dir()
	if err != nil {
		return err
	}
	sweep(ctx, dir, s)
	server, err := control.Listen(ctx, dir, p.Name, s.Patience)
	if err != nil {
		return err
	}
	defer server.Close() //nolint:errcheck // the socket is gone with the process at the latest
	record, err := journal.Begin(dir, p.Name)
	if err != nil {
		return fmt.Errorf("write down what will be set up: %w", err)
	}
	defer record.End() //nolint:errcheck // the next start sweeps what stays
	return hold(ctx, p, prompter, applier, record, s, server)
}

// hold is Run without what stands for the connection on the machine; server may be nil.
func hold(ctx context.Context, p Profile, prompter ui.Prompter, applier netcfg.Applier, record *journal.Record, s Settings, server *control.Server) error {
	manifest, err := lookup(p.Protocol, s.PluginDirs)
	if err != nil {
		return err
	}
	c, err := newConnection(ctx, p, manifest, prompter, applier, record, s)
	if err != nil {
		return err
	}
	if server != nil {
		go server.Serve(c.status, c.command) //nolint:errcheck // without the socket the connection still works
	}
	return c.run(ctx)
}

// noCoreDump keeps what is in memory out of files and away from debuggers of others.
// A limit of one byte keeps it from core dump handlers too, which 0 does not, and
// plugins set the same. Who is not root must stay open to themselves: the kernel lets
// nobody else set up the user namespace of a plugin.
func noCoreDump() error {
	if os.Geteuid() != 0 {
		return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1})
	}
	return errors.Join(unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: 1, Max: 1}), unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

// Sweep undoes what connections left that were killed, and says so in the log.
func sweep(ctx context.Context, dir string, s Settings) {
	done, err := journal.Sweep(ctx, dir)
	for _, line := range done {
		s.Logger.Info(line)
	}
	if err != nil {
		s.Logger.Warn("cleaning up after a connection that was killed: " + err.Error())
	}
}

func lookup(protocol string, dirs []string) (registry.Manifest, error) {
	r, _ := registry.Load(registry.Dirs(os.Getenv(registry.EnvPath), dirs...)) // Lookup tells what was refused
	return r.Lookup(protocol)
}

// Schema is every option of a connection of that protocol: the host's and the plugin's.
func Schema(protocol string, pluginDirs []string) (option.Schema, error) {
	m, err := lookup(protocol, pluginDirs)
	if err != nil {
		return nil, err
	}
	return append(CommonOptions(), m.Options...), nil
}

// run is the loop: everything that touches the connection happens in it, one thing
// after the other, and nothing in it waits.
func (c *connection) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.ctx = context.WithoutCancel(ctx)
	c.watch = sync.OnceFunc(func() { c.watchNetwork(ctx) })
	state, effects := session.Begin()
	c.state = state
	c.do(effects)
	stop := ctx.Done()
	for c.state.Phase != session.Ended {
		select {
		case act := <-c.inbox:
			act()
		case <-stop:
			stop = nil
			c.step(session.Stop{Logout: true})
		case cmd := <-c.settings.Commands:
			c.obey(cmd)
		case e := <-c.changes:
			c.networkEvent(e)
		case <-c.retry.C:
			c.step(session.RetryDue{})
		case <-c.deadline.C:
			c.step(session.Deadline{})
		}
	}
	c.teardown()
	if c.state.Err != nil {
		return c.state.Err
	}
	return nil
}

// watchNetwork begins when the gateway's address is known: the way to it is what
// must not change.
func (c *connection) watchNetwork(ctx context.Context) {
	changes, err := netmon.Watch(ctx, c.ownInterface, c.gateway)
	if err != nil {
		c.log.Warn("changes of the network will not be noticed: " + err.Error())
	}
	c.changes = changes
}

// post has the loop run act; it gives up when the connection has ended.
func (c *connection) post(act func()) {
	select {
	case c.inbox <- act:
	case <-c.ended:
	}
}

func (c *connection) step(e session.Event) {
	state, effects := c.limits.Step(c.state, time.Now(), e)
	c.state = state
	c.do(effects)
	c.publish()
}

func (c *connection) do(effects []session.Effect) {
	for _, e := range effects {
		switch e := e.(type) {
		case session.Start:
			c.startLife(e.Resume)
		case session.Wait:
			c.endLife()
			c.retry.Reset(e.For)
		case session.ArmDeadline:
			c.arm(e.For)
		case session.SayStop:
			c.sayStop(e.Logout)
		case session.Reconnecting:
			c.reconnecting(e.Why)
		case session.Reconnected:
			c.reconnected()
		case session.Finish:
			c.endLife()
		}
	}
}

func (c *connection) arm(after time.Duration) {
	if after > 0 {
		c.deadline.Reset(after)
	} else {
		c.deadline.Stop()
	}
}

func (c *connection) obey(cmd Command) {
	switch cmd {
	case Disconnect:
		c.step(session.Stop{Logout: true})
	case Hangup:
		c.step(session.Stop{})
	case Reconnect:
		c.nudge()
	}
}

// command is what the control socket asks.
func (c *connection) command(a control.Action) {
	c.post(func() { c.obey(commands[a]) })
}

var commands = map[control.Action]Command{
	control.Disconnect: Disconnect,
	control.Hangup:     Hangup,
	control.Reconnect:  Reconnect,
}
