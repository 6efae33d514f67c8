package vpncscript

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// recorder is an Applier whose script writes down when it was called.
func recorder(t *testing.T, script string) (a *Applier, calls func() []string, logged *bytes.Buffer) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "calls")
	logged = &bytes.Buffer{}
	a = New(Options{
		Script:  `echo "$reason ${TUNDEV:-none} ${INTERNAL_IP4_DNS:-none} $VPNPID" >>` + file + "; " + script,
		PID:     77,
		Environ: []string{"PATH=/usr/bin:/bin"},
		Logger:  slog.New(slog.NewTextHandler(logged, nil)),
	})
	return a, func() []string {
		text, err := os.ReadFile(file)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		if err := os.RemoveAll(file); err != nil {
			t.Fatal(err)
		}
		return strings.FieldsFunc(string(text), func(r rune) bool { return r == '\n' })
	}, logged
}

func expect(t *testing.T, calls func() []string, want ...string) {
	t.Helper()
	if got := calls(); !slices.Equal(got, want) {
		t.Errorf("calls %q, want %q", got, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLife(t *testing.T) {
	a, calls, _ := recorder(t, "")
	ctx := t.Context()
	c := goldens["names"]
	c.SplitDNS = nil

	must(t, a.Apply(ctx, netcfg.Config{}))
	must(t, a.Reconnecting(ctx))
	must(t, a.Reconnected(ctx))
	expect(t, calls)

	must(t, a.Prepare(ctx, with(c, func(c *netcfg.Config) { c.Interface = "" })))
	must(t, a.Prepare(ctx, c))
	expect(t, calls, "pre-init none 10.0.0.53 fd00::53 10.0.0.54 77", "pre-init tun0 10.0.0.53 fd00::53 10.0.0.54 77")

	must(t, a.Apply(ctx, c))
	must(t, a.Apply(ctx, c))
	expect(t, calls, "connect tun0 10.0.0.53 fd00::53 10.0.0.54 77")

	c.MTU, c.Banner, c.Expires, c.IdleTimeout, c.ScriptOptions = 1280, "hi", time.Now(), time.Hour, []netcfg.Pair{{Key: "a", Value: "b"}}
	must(t, a.Apply(ctx, c))
	expect(t, calls)

	must(t, a.Reconnecting(ctx))
	must(t, a.Reconnected(ctx))
	expect(t, calls, "attempt-reconnect tun0 10.0.0.53 fd00::53 10.0.0.54 77", "reconnect tun0 10.0.0.53 fd00::53 10.0.0.54 77")

	c.DNS = addrs("10.0.0.99")
	must(t, a.Apply(ctx, c))
	expect(t, calls, "disconnect tun0 10.0.0.53 fd00::53 10.0.0.54 77", "connect tun0 10.0.0.99 77")

	ended, cancel := context.WithCancel(ctx)
	cancel()
	must(t, a.Apply(ended, netcfg.Config{}))
	must(t, a.Apply(ctx, netcfg.Config{}))
	expect(t, calls, "disconnect tun0 10.0.0.99 77")
}

// OpenConnect goes on when the user's script fails; so do we, with a warning.
func TestFailingScriptIsAWarning(t *testing.T) {
	a, calls, logged := recorder(t, "echo it is broken >&2; exit 3")
	must(t, a.Apply(t.Context(), goldens["split"]))
	expect(t, calls, "connect tun0 none 77")
	for _, part := range []string{"it is broken", "the script returned 3", "level=WARN"} {
		if !strings.Contains(logged.String(), part) {
			t.Errorf("the log lacks %q: %s", part, logged)
		}
	}
}

func TestSlowScriptIsKilled(t *testing.T) {
	a, calls, logged := recorder(t, "sleep 600")
	a.o.Timeout = 2 * time.Second
	must(t, a.Apply(t.Context(), goldens["split"]))
	expect(t, calls, "connect tun0 none 77")
	if !strings.Contains(logged.String(), "longer than 2s") {
		t.Errorf("the log: %s", logged)
	}
}

func TestUnusableSettings(t *testing.T) {
	a, calls, _ := recorder(t, "")
	c := goldens["split"]
	c.Interface = "../x"
	if err := a.Apply(t.Context(), c); err == nil {
		t.Error("a device ../x was taken")
	}
	expect(t, calls)
}

// What is kept for after a crash does the same as disconnect, from another process.
func TestUndoStandsAlone(t *testing.T) {
	a, calls, _ := recorder(t, "")
	c := goldens["split"]
	undo := a.Undo(c)
	must(t, a.Apply(t.Context(), c))
	calls()
	must(t, undo.Run(t.Context(), func(line string) { t.Log(line) }))
	expect(t, calls, "disconnect tun0 none 77")
	if undo := New(Options{PID: 77}).Undo(c); undo.Args[2] != Bundled {
		t.Error("the bundled script is not in the command")
	}
	if len(Bundled) > 100<<10 {
		t.Errorf("the bundled script has %d bytes, too many for one argument", len(Bundled))
	}
}

func TestLogLevel(t *testing.T) {
	for level, want := range map[slog.Level]int{slog.LevelDebug: 2, slog.LevelInfo: 1, slog.LevelError: 0} {
		a := New(Options{Logger: slog.New(slog.NewTextHandler(&bytes.Buffer{}, &slog.HandlerOptions{Level: level}))})
		if got := a.logLevel(); got != want {
			t.Errorf("%v: %d, want %d", level, got, want)
		}
	}
}
