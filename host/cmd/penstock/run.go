package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/daemon"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/rootless"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/scripttun"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/signals"
	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	vpncscript "github.com/penstock-vpn/penstock/vpnc-script"
)

// run holds the connection until it ends.
func (a *app) run(ctx context.Context, c connection) error {
	if !control.ValidName(c.profile.Name) {
		return usage(fmt.Sprintf("%.80q is no name for a connection", c.profile.Name), "a name is 1 to 64 letters, digits, dots, hyphens and underscores")
	}
	host.Warm()
	log := slog.New(a.out)
	pid, err := newPIDFile(c.flags.pidFile)
	if err != nil {
		return err
	}
	defer pid.Remove()
	recorder, err := a.record(c.flags)
	if err != nil {
		return err
	}
	defer recorder.Close() //nolint:errcheck // it has warned of what it could not write
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	commands := signals.Watch(ctx, cancel, func() { a.statistics(ctx, c.profile.Name) }, nil)
	stored, prompter := a.prompters(c)
	news := &announcer{out: a.out, connected: func() {
		stored.Accepted()
		a.up(pid)
	}}
	settings := host.Settings{PluginDirs: a.pluginDirs, Logger: log, Commands: commands, OnState: news.change, Recorder: recorder}
	if c.flags.dumpHTTP {
		settings.Trace = func(text string) { a.out.say("%s", strings.TrimRight(ui.Clean(text), "\n")) }
	}
	applier, done, err := a.device(ctx, c, &settings)
	if err != nil {
		return err
	}
	defer done()
	return a.hold(ctx, c.profile, prompter, applier, settings)
}

// device chooses what stands for the TUN device, and what follows the network settings.
func (a *app) device(ctx context.Context, c connection, s *host.Settings) (applier netcfg.Applier, done func(), err error) {
	done = func() {}
	script := vpncscript.Options{Script: c.profile.Options["script"], PID: os.Getpid(), Logger: s.Logger}
	switch {
	case c.flags.proxyListen != "":
		if err := c.flags.rootless(); err != nil {
			return nil, nil, err
		}
		p, err := rootless.Listen(ctx, c.flags.proxyListen, c.flags.proxyAuth, s.Logger)
		if err != nil {
			return nil, nil, err
		}
		s.OpenDevice = p.OpenDevice
		return p, func() { _ = p.Close() }, nil
	case c.flags.proxyAuth != "":
		return nil, nil, usage("--proxy-auth-file is for the clients of a proxy", "say where it listens with --proxy-listen")
	case !c.flags.scriptTun:
		return vpncscript.New(script), done, nil
	case script.Script == "":
		return nil, nil, usage("--script-tun needs a program that takes the packets", "name it with --script")
	}
	s.OpenDevice = scripttun.Opener(script)
	return scripttun.Applier{}, done, nil
}

// up is called when the connection stands for the first time and each time it
// stands again.
func (a *app) up(pid *daemon.PIDFile) {
	if err := pid.Write(); err != nil {
		a.out.diagnostic(diag.Diagnostic{Warning: true, Summary: "the pid file could not be written", Detail: err.Error()})
	}
	if a.ready != nil {
		a.ready.Announce(a.leave)
	}
}

// prompters is the chain that answers questions: what is stored, lines of standard
// input, the browser, the terminal.
func (a *app) prompters(c connection) (*ui.Stored, ui.Prompter) {
	var last ui.Prompter = ui.Nobody{}
	onTerminal := term.IsTerminal(int(a.stdin.Fd()))
	if !c.flags.nonInter {
		if t, ok := ui.OpenTerminal(); ok {
			last = t
		}
		last = ui.NewCookies(ui.NewBrowser(gatewayHost(c.profile), a.out.err, last))
	}
	if c.flags.passwordStdin && !onTerminal {
		last = ui.NewLines(a.stdin, last)
	}
	if a.ready != nil {
		last = &whileHere{last, a.ready}
	}
	last = ui.NewPrograms(c.profile.Options, "", last)
	stored := ui.NewStored(c.profile.Options, c.profile.Secrets, last)
	return stored, stored
}

func gatewayHost(p host.Profile) string {
	u, err := host.GatewayURL(p.Options["gateway"])
	if err != nil {
		return ""
	}
	return u.Hostname()
}
