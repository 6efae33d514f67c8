package dataplane

import (
	"testing"
	"time"
)

// Only small batches that follow one another closely make the reader rest.
func TestGait(t *testing.T) {
	const at, full = time.Hour, 64
	for name, c := range map[string]struct {
		after time.Duration // the one before
		n     int
		want  bool
	}{
		"alone":            {time.Second, 1, false},
		"one of many":      {100 * time.Microsecond, 1, true},
		"many together":    {100 * time.Microsecond, full, false},
		"half a vector":    {100 * time.Microsecond, full / 2, false},
		"a ping each 1 ms": {time.Millisecond, 1, false},
	} {
		g := gait{last: at - c.after}
		if g.came(at, c.n, full); g.many != c.want {
			t.Errorf("%s: rests: %t", name, g.many)
		}
	}
}
