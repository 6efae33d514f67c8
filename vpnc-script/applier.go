// Package vpncscript makes the system follow a tunnel's network settings by running
// a vpnc-script: it builds the environment that OpenConnect 9 passes, calls the
// script at the same moments, and brings a script of its own.
//
// The life of a script, as its argument "reason":
//
//	Prepare       pre-init           before there is a TUN device
//	Apply         connect            settings came or changed
//	Reconnecting  attempt-reconnect  the path is lost, before each try
//	Reconnected   reconnect          the path is back
//	Apply(zero)   disconnect         with the settings of the last connect
package vpncscript

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Bundled is the text of the script that runs when no other is named. It stands by
// itself, so that an installed copy and the embedded one do the same.
//
//go:embed penstock-vpnc-script
var Bundled string

// DefaultTimeout is how long a script may take before its process group is killed.
const DefaultTimeout = 60 * time.Second

// Options say which script runs and in whose name.
type Options struct {
	Script  string        // a shell command line; empty: the bundled script
	PID     int           // VPNPID: the host's process id, the same at connect and disconnect
	Environ []string      // the caller's environment; nil: this process's
	Logger  *slog.Logger  // gets the script's output and its failures; nil: none
	Timeout time.Duration // zero: DefaultTimeout
}

// Applier runs one connection's script. A script of the user's that fails is a
// warning, as for OpenConnect; the bundled script that fails has undone what it did
// and its failure is the Applier's error.
type Applier struct {
	o    Options
	dir  string // where the caller is: a script may be named relative to it
	mu   sync.Mutex
	up   bool
	last netcfg.Config // the settings of the last connect while up
}

var (
	_ netcfg.Applier     = (*Applier)(nil)
	_ netcfg.Preparer    = (*Applier)(nil)
	_ netcfg.Reconnecter = (*Applier)(nil)
	_ netcfg.Undoer      = (*Applier)(nil)
)

// New returns an Applier that has done nothing yet.
func New(o Options) *Applier {
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	o.Environ = inherited(o.Environ)
	dir, _ := os.Getwd() // the root serves when it is gone
	return &Applier{o: o, dir: dir}
}

// Prepare runs the script for pre-init. The bundled one only makes sure of the TUN
// driver.
func (a *Applier) Prepare(ctx context.Context, c netcfg.Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, err := os.Stat("/dev/net/tun"); err == nil && a.o.Script == "" {
		return nil
	}
	return a.run(ctx, preInit, c)
}

// Apply runs the script for connect or disconnect. Settings that no script acts on
// (MTU, banner, times) do not run it again. On other changes the bundled script is
// run for connect again and changes what differs; any other script, which may only
// know how to start from nothing, for disconnect with the old settings first.
func (a *Applier) Apply(ctx context.Context, c netcfg.Config) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case c.Zero() && !a.up:
		return nil
	case c.Zero():
		return a.disconnect(ctx)
	case a.up && same(a.last, c):
		a.last = c
		return nil
	case a.up && (a.o.Script != "" || a.last.Interface != c.Interface):
		if err := a.disconnect(ctx); err != nil {
			return err
		}
	}
	return a.connect(ctx, c)
}

func (a *Applier) connect(ctx context.Context, c netcfg.Config) error {
	for _, text := range doubts(c) {
		a.o.Logger.WarnContext(ctx, text)
	}
	if err := check(c); err != nil {
		return err
	}
	a.up, a.last = true, c
	err := a.run(ctx, connect, c)
	if err != nil {
		// The script undoes its own failures, but not when it was killed.
		return errors.Join(err, a.disconnect(ctx))
	}
	return nil
}

// disconnect runs even when ctx has ended: what is set up must go.
func (a *Applier) disconnect(ctx context.Context) error {
	c := a.last
	a.up, a.last = false, netcfg.Config{}
	return a.run(context.WithoutCancel(ctx), disconnect, c)
}

// Reconnecting runs the script for attempt-reconnect when there is a tunnel.
func (a *Applier) Reconnecting(ctx context.Context) error {
	return a.runUp(ctx, attemptReconnect)
}

// Reconnected runs the script for reconnect when there is a tunnel.
func (a *Applier) Reconnected(ctx context.Context) error {
	return a.runUp(ctx, reconnect)
}

func (a *Applier) runUp(ctx context.Context, r reason) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.up {
		return nil
	}
	return a.run(ctx, r, a.last)
}

// Undo is the command for disconnect with the settings c, complete with its script.
func (a *Applier) Undo(c netcfg.Config) netcfg.Command { return a.command(disconnect, c) }

func (a *Applier) command(r reason, c netcfg.Config) netcfg.Command {
	args := []string{"/bin/sh", "-c", a.o.Script}
	if a.o.Script == "" {
		args = []string{"/bin/sh", "-c", Bundled, "penstock-vpnc-script"}
	}
	return netcfg.Command{Args: args, Env: append(environment(r, c, a.o.PID, a.logLevel()), a.o.Environ...), Dir: a.dir}
}

func (a *Applier) run(ctx context.Context, r reason, c netcfg.Config) error {
	ctx, cancel := context.WithTimeoutCause(ctx, a.o.Timeout, fmt.Errorf("it took longer than %v and was killed", a.o.Timeout))
	defer cancel()
	var said []string
	err := a.command(r, c).Run(ctx, func(line string) {
		a.o.Logger.InfoContext(ctx, line, "script", string(r))
		said = append(said, line)
	})
	if err == nil {
		return nil
	}
	if a.o.Script != "" {
		a.o.Logger.WarnContext(ctx, "script failed: "+outcome(err), "script", string(r), "command", a.o.Script)
		return nil
	}
	return diag.New(diag.Unspecified, fmt.Sprintf("the network settings could not be applied (%s)", r),
		outcome(err)+lastWords(said)+". Check that this runs as root and that iproute2 is installed.")
}

// outcome says how a script ended, without the "exit status" being mistaken for ours.
func outcome(err error) string {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.Exited() {
		return fmt.Sprintf("the script returned %d", exit.ExitCode())
	}
	return err.Error()
}

func lastWords(said []string) string {
	if len(said) == 0 {
		return ""
	}
	return ": " + strings.Join(said[max(0, len(said)-3):], "; ")
}

// logLevel is OpenConnect's: 0 errors, 1 progress, 2 details.
func (a *Applier) logLevel() int {
	for level, l := range []slog.Level{slog.LevelDebug, slog.LevelInfo} {
		if a.o.Logger.Enabled(context.Background(), l) {
			return 2 - level
		}
	}
	return 0
}

// same compares what scripts act on.
func same(a, b netcfg.Config) bool {
	for _, c := range []*netcfg.Config{&a, &b} {
		c.MTU, c.Banner, c.ScriptOptions = 0, "", nil
		c.Expires, c.IdleTimeout = time.Time{}, 0
	}
	return reflect.DeepEqual(a, b)
}
