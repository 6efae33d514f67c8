package main

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/daemon"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// launch starts the child and waits until it is connected or has ended.
func (a *app) launch(args []string) error {
	_, err := daemon.Launch(append([]string{os.Args[0], "connect"}, args...), a.stdin, a.out.out, a.out.err)
	var exit daemon.Exit
	switch {
	case !errors.As(err, &exit):
		return err
	case exit == 0:
		return nil
	}
	return exitWith(exit)
}

// leave ends what ties the child to who started it: its output may be read to its end.
func (a *app) leave() {
	a.out.say("Continuing in background; pid %d", os.Getpid())
	if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
		for fd := range 3 {
			_ = unix.Dup3(int(null.Fd()), fd, 0)
		}
		_ = null.Close()
	}
	a.out.background()
}

// whileHere asks people as long as there is a terminal.
type whileHere struct {
	people ui.Prompter
	ready  *daemon.Readiness
}

// Ask implements ui.Prompter.
func (w *whileHere) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	if w.ready.Gone() {
		return ui.Nobody{}.Ask(ctx, p)
	}
	return w.people.Ask(ctx, p)
}

// newPIDFile checks the folder before anything is connected.
func newPIDFile(path string) (*daemon.PIDFile, error) {
	p := &daemon.PIDFile{}
	if path == "" {
		return p, nil
	}
	p.Path = absolute(path)
	if err := p.Check(); err != nil {
		return nil, usage("the pid file cannot be written", err.Error())
	}
	return p, nil
}
