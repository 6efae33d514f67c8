package plugintest

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
)

func TestMain(m *testing.M) {
	patience = 2 * time.Second // many tests here wait for what must not come
	os.Exit(m.Run())
}

// recorder is a test that may fail.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Error(args ...any)   { r.Errorf("%s", fmt.Sprint(args...)) }
func (r *recorder) Fatal(args ...any)   { r.Fatalf("%s", fmt.Sprint(args...)) }
func (r *recorder) Cleanup(f func())    { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Helper()             {}
func (r *recorder) Logf(string, ...any) {}
func (r *recorder) report() string      { return strings.Join(r.failures, "\n") }

// fails runs f to its end or its Fatal, and says whether it failed.
func (r *recorder) fails(f func()) bool {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	<-done
	for i := len(r.cleanups) - 1; i >= 0; i-- {
		r.cleanups[i]()
	}
	return len(r.failures) > 0
}

// mustFail checks that f fails its test with a text that holds why.
func mustFail(t *testing.T, why string, f func(t testing.TB)) {
	t.Helper()
	r := &recorder{TB: t}
	if !r.fails(func() { f(r) }) {
		t.Errorf("it did not fail, want %q", why)
	} else if !strings.Contains(r.report(), why) {
		t.Errorf("it failed with %q, want %q", r.report(), why)
	}
}

// connect is a plugin that is nothing but a Connect.
type connect func(ctx context.Context, s *sdk.Session) error

func (c connect) Describe() sdk.Description {
	return sdk.Description{Name: "test", Version: "1.0.0", Protocols: []sdk.Protocol{{Name: "test", Label: "Test"}}}
}

func (c connect) Connect(ctx context.Context, s *sdk.Session) error { return c(ctx, s) }

func serving(p sdk.Plugin) Starter {
	return func(t testing.TB) *Target { return InProcess(t, p) }
}
