package openconnect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/daemon"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	schema "github.com/penstock-vpn/penstock/sdk/option"
)

// Program is what a run of the command line has around it.
type Program struct {
	Name     string   // in messages
	Again    []string // argv without the options, to start this program once more
	Version  string
	Stdin    *os.File
	Out, Err io.Writer
	Ready    *daemon.Readiness // of the process in the background; nil otherwise
	Host     func(context.Context, host.Profile, ui.Prompter, netcfg.Applier, host.Settings) error
	Schema   func(protocol string) (schema.Schema, error)
}

// Exit statuses.
const (
	exitFailed         = 1
	exitCookieRejected = 2
)

// Main does what args say and returns the exit status.
func (p *Program) Main(ctx context.Context, args []string) int {
	r, err := parse(p.Name, args, p.Stdin, true)
	if err != nil {
		return p.complain(r, err)
	}
	known, err := p.Schema(r.protocol)
	if err != nil {
		d := diag.Of(err)
		return p.complain(r, failed("The VPN protocol '%s' cannot be had: %s. %s", r.protocol, d.Summary, d.Detail))
	}
	if _, err := r.profile(known, os.Getpid()); err != nil {
		return p.complain(r, err)
	}
	if r.background && p.Ready == nil && !r.loginOnly() {
		p.say(r.notes...)
		return p.launch(r, args)
	}
	r, err = parse(p.Name, args, p.Stdin, false)
	if err != nil {
		return p.complain(r, err)
	}
	if p.Ready == nil {
		p.say(r.notes...)
	}
	return p.run(ctx, r, known)
}

func (r *Request) loginOnly() bool {
	return r.print == printCookieOnly || r.print == printAuthentication
}

func (p *Program) say(lines ...string) {
	for _, line := range lines {
		_, _ = fmt.Fprintln(p.Err, line)
	}
}

// complain tells why nothing is done. OpenConnect's help ends with 1, too.
func (p *Program) complain(r *Request, err error) int {
	var wrong badUsage
	switch {
	case errors.Is(err, errVersion):
		printVersion(p.Out, p.Version)
		return 0
	case errors.As(err, &wrong):
		p.say(r.notes...)
		if wrong != "" {
			p.say(string(wrong))
		}
		usage(p.Out, p.Name)
	default:
		p.say(append(r.notes, err.Error())...)
	}
	return exitFailed
}

// launch starts the process that goes to the background, and tells of it.
func (p *Program) launch(r *Request, args []string) int {
	if r.pidFile != "" {
		if err := (&daemon.PIDFile{Path: absolute(r.pidFile)}).Check(); err != nil {
			p.say(fmt.Sprintf("Failed to open '%s' for write: %s", r.pidFile, err))
			return exitFailed
		}
	}
	pid, err := daemon.Launch(append(p.Again[:len(p.Again):len(p.Again)], args...), p.Stdin, p.Out, p.Err)
	var exit daemon.Exit
	switch {
	case errors.As(err, &exit):
		return int(exit)
	case err != nil:
		p.say("Failed to continue in background: " + err.Error())
		return exitFailed
	}
	p.progress(r).say(levelInfo, "Continuing in background; pid %d", pid)
	return 0
}

func absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil {
		return full
	}
	return path
}
