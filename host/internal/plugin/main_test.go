package plugin

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// The test plugin, static and dynamically linked, see testdata/probe.
var probeStatic, probeDynamic string

func TestMain(m *testing.M) {
	MaybeStage()
	if os.Getenv(envHost) != "" {
		beHost()
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "penstock-probe-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // a host that is not root reads it too
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	probeStatic, probeDynamic = filepath.Join(dir, "static", "probe"), filepath.Join(dir, "dynamic", "probe")
	for path, cgo := range map[string]string{probeStatic: "CGO_ENABLED=0", probeDynamic: "CGO_ENABLED=1"} {
		build := exec.Command("go", "build", "-o", path, "./testdata/probe")
		build.Env = append(os.Environ(), cgo)
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "building the test plugin: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// manifest is the probe's, with arguments that say how it behaves.
func manifest(t testing.TB, program string, args ...string) registry.Manifest {
	t.Helper()
	sum, err := registry.Sum(program, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	return registry.Manifest{
		Path: program + ".toml", Name: "probe", Version: "1.0.0", Exec: program, Args: args, SHA256: sum,
		Needs: []string{"tcp"}, Protocols: []registry.Protocol{{Name: "probe", Label: "Probe"}}, Auth: registry.AuthMTLS,
	}
}

// started starts the manifest's plugin and kills it after the test.
func started(t testing.TB, m registry.Manifest) *Process {
	t.Helper()
	p, err := Start(context.Background(), Launch{Manifest: m, Logger: logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

// opened is a session that was sent Start.
func opened(t testing.TB, p *Process) *Stream {
	t.Helper()
	s, err := p.Session(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Send(&pluginpb.FromHost{Message: &pluginpb.FromHost_Start{Start: &pluginpb.Start{Protocol: "probe"}}}); err != nil {
		t.Fatal(err)
	}
	return s
}

// said is the text of the next Progress.
func said(t testing.TB, s *Stream) string {
	t.Helper()
	m, err := s.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if m.GetProgress() == nil {
		t.Fatalf("received %v, want Progress", m)
	}
	return m.GetProgress().GetText()
}

// eventually waits for a condition that nothing announces.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("not within ten seconds: %s", what)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// within fails the test if done is not closed soon.
func within(t testing.TB, what string, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatalf("not within ten seconds: %s", what)
	}
}

// needRoot skips where there is no root to test with; in CI there must be.
func needRoot(t testing.TB) {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("needs root")
	}
}

func logger(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(testWriter{t}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s", bytes.TrimSpace(b))
	return len(b), nil
}

// recorder is a log to look at.
type recorder struct {
	mu    sync.Mutex
	lines []string
	bytes int
}

func (r *recorder) Write(b []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines = append(r.lines, string(b))
	r.bytes += len(b)
	return len(b), nil
}
