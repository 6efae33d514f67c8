package plugin

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// leftovers are this process's descriptors, children and go-plugin's directories.
func leftovers(t *testing.T) (descriptors int, rest []string) {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if children, _ := os.ReadFile(task); len(children) > 0 {
			rest = append(rest, "children "+string(children))
		}
	}
	dirs, err := filepath.Glob(filepath.Join(os.TempDir(), "plugin-dir*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(fds), append(rest, dirs...)
}

func TestStartFailsClearly(t *testing.T) {
	needRoot(t)
	cases := map[string]struct {
		args []string
		want string
	}{
		"garbage":        {[]string{"garbage"}, "hello, this is no handshake"},
		"endless line":   {[]string{"endless"}, "Unrecognized remote plugin message"},
		"ends at once":   {[]string{"exit"}, "it ended with status 3; it said: I have a headache"},
		"hangs":          {[]string{"hang"}, "did not answer in time"},
		"host's socket":  {[]string{"elsewhere"}, `it listens at "unix" "/run/dbus/system_bus_socket"`},
		"tcp":            {[]string{"tcp"}, `it listens at "tcp" "127.0.0.1:22"`},
		"link":           {[]string{"link"}, "no such file"}, // it may not even make one
		"other contract": {[]string{"old"}, "Plugin version: 99"},
		"other version":  {[]string{"raw", "other version"}, `the manifest is of probe 1.0.0, the plugin is "probe" "6.6.6"`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before, _ := leftovers(t)
			l := Launch{Manifest: manifest(t, probeStatic, c.args...), Logger: logger(t), Timeout: 2 * time.Second}
			p, err := Start(context.Background(), l)
			if err == nil {
				p.Kill()
				t.Fatal("it started")
			}
			d := diag.Of(err)
			if d.Code != diag.Plugin || !strings.Contains(d.Detail, c.want) {
				t.Errorf("got %v %q, want %q", d.Code, err, c.want)
			}
			if len(err.Error()) > 2*maxWords || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("a text of the plugin's came through: %q", err)
			}
			eventually(t, "nothing is left", func() bool {
				after, rest := leftovers(t)
				return after <= before && len(rest) == 0
			})
		})
	}
}

func TestStartRefusesAnotherProgram(t *testing.T) {
	needRoot(t)
	program := filepath.Join(t.TempDir(), "probe")
	text, err := os.ReadFile(probeStatic)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(program, text, 0o755); err != nil {
		t.Fatal(err)
	}
	m := manifest(t, program, "wait")
	started(t, m).Kill()
	if err := os.WriteFile(program, append(text, 0), 0o755); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Launch{Manifest: m})
	if diag.Of(err).Code != diag.Plugin || !strings.Contains(err.Error(), "is not the one that was installed") || !strings.Contains(err.Error(), "install the plugin's package again") {
		t.Errorf("a changed program: %v", err)
	}
	if err := os.Remove(program); err != nil {
		t.Fatal(err)
	}
	if _, err = Start(t.Context(), Launch{Manifest: m}); diag.Of(err).Code != diag.Plugin {
		t.Errorf("a missing program: %v", err)
	}
}

func TestStartGivesUpWhenCancelled(t *testing.T) {
	needRoot(t)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	_, err := Start(ctx, Launch{Manifest: manifest(t, probeStatic, "hang")})
	if diag.Of(err).Code != diag.Cancelled {
		t.Errorf("got %v, want Cancelled", err)
	}
	if _, rest := leftovers(t); len(rest) > 0 {
		t.Errorf("left: %q", rest)
	}
}

func TestPeerCredNeedsNoCertificates(t *testing.T) {
	needRoot(t)
	m := manifest(t, probeStatic, "report", "/x", "@x", "1")
	m.Auth = registry.AuthPeerCred
	if r := said(t, opened(t, started(t, m))); strings.Contains(r, "PLUGIN_CLIENT_CERT") {
		t.Error("it got a certificate")
	}
}

func TestDescribeAndValidate(t *testing.T) {
	needRoot(t)
	p := started(t, manifest(t, probeStatic))
	d, err := p.Describe(t.Context())
	if err != nil || d.GetName() != "probe" {
		t.Errorf("Describe: %v, %v", d, err)
	}
	if problems, err := p.Validate(t.Context(), map[string]string{"a": "b"}); err != nil || len(problems) != 0 {
		t.Errorf("Validate: %v, %v", problems, err)
	}
}

func TestFloodedLogIsBounded(t *testing.T) {
	needRoot(t)
	r := &recorder{}
	p, err := Start(t.Context(), Launch{
		Manifest: manifest(t, probeStatic, "flood"),
		Logger:   slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	s := opened(t, p)
	if got := said(t, s); got != "ready" {
		t.Fatalf("got %q", got)
	}
	begun := time.Now()
	flooding := func() int { r.mu.Lock(); defer r.mu.Unlock(); return len(r.lines) }
	eventually(t, "the log fills", func() bool { return flooding() >= burst })
	p.Kill()
	allowed := 2*burst + 2*int(time.Since(begun).Seconds()+10)*perSec
	r.mu.Lock() // go-plugin's own goroutine may still log
	defer r.mu.Unlock()
	if n := len(r.lines); n > allowed || r.bytes > allowed*(maxLine+200) {
		t.Errorf("%d lines, %d bytes in the log", n, r.bytes)
	}
	if !slices.ContainsFunc(r.lines, func(l string) bool { return strings.Contains(l, "[...]") }) {
		t.Error("no long line was cut")
	}
}

func TestSendFDReachesThePlugin(t *testing.T) {
	needRoot(t)
	p := started(t, manifest(t, probeStatic, "echo"))
	s := opened(t, p)
	for {
		m, err := s.Recv()
		if err != nil {
			t.Fatal(err)
		}
		reply := &pluginpb.FromHost{Re: m.GetId(), Message: &pluginpb.FromHost_Ok{Ok: &pluginpb.Ok{}}}
		if open := m.GetOpen(); open != nil {
			echoThrough(t, p, s, m.GetId(), open.GetTransport())
			break
		}
		if m.GetId() != 0 {
			_ = s.Send(reply)
		}
	}
}

func echoThrough(t *testing.T, p *Process, s *Stream, id uint64, transport uint32) {
	t.Helper()
	ours, theirs := streamPair(t)
	if err := p.SendFD(transport, theirs); err != nil {
		t.Fatal(err)
	}
	theirs.Close()
	if err := s.Send(&pluginpb.FromHost{Re: id, Message: &pluginpb.FromHost_Opened{Opened: &pluginpb.Opened{Local: "192.0.2.1:1", Remote: "192.0.2.2:443"}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := ours.Write([]byte("over the descriptor")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 64)
	if n, err := ours.Read(buf); string(buf[:n]) != "over the descriptor" {
		t.Errorf("read %q, %v", buf[:n], err)
	}
}

func TestSendFDDoesNotWait(t *testing.T) {
	needRoot(t)
	// This one never reads its descriptor socket.
	p := started(t, manifest(t, probeStatic, "raw", "idle"))
	_, theirs := streamPair(t)
	for range 100_000 {
		if err := p.SendFD(1, theirs); err != nil {
			var d *diag.Diagnostic
			if !errors.As(err, &d) || d.Code != diag.Plugin {
				t.Errorf("got %v", err)
			}
			return
		}
	}
	t.Error("descriptors pile up without an end")
}
