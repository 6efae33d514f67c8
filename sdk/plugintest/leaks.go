package plugintest

import (
	"maps"
	"runtime"
	"strings"
	"testing"
	"time"
)

// CheckLeaks fails the test when goroutines that it started are left at its end. It is
// called before anything is started, in tests that do not run in parallel.
func CheckLeaks(t testing.TB) {
	t.Helper()
	before := goroutines()
	t.Cleanup(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for deadline := time.After(patience); ; {
			left := goroutines()
			maps.DeleteFunc(left, func(id, _ string) bool { return before[id] != "" })
			if len(left) == 0 {
				return
			}
			select {
			case <-tick.C:
			case <-deadline:
				for _, stack := range left {
					t.Errorf("plugintest: a goroutine is left:\n%s", stack)
				}
				return
			}
		}
	})
}

// goroutines are the stacks of all but the calling one, by "goroutine N".
func goroutines() map[string]string {
	buffer := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buffer, true)
		if n < len(buffer) {
			buffer = buffer[:n]
			break
		}
		buffer = make([]byte, 2*len(buffer))
	}
	all := map[string]string{}
	for i, stack := range strings.Split(string(buffer), "\n\n") {
		id, _, _ := strings.Cut(stack, " [")
		if i > 0 && !strings.Contains(stack, "testing.(*T).Run") && !strings.Contains(stack, "os/signal.") {
			all[id] = stack
		}
	}
	return all
}
