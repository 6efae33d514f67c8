package plugin

import (
	"log/slog"
	"strings"
	"testing"
)

func TestLinesAreCutAndCleaned(t *testing.T) {
	r := &recorder{}
	o := newOutput(slog.New(slog.NewTextHandler(r, &slog.HandlerOptions{Level: slog.LevelDebug})))
	l := o.lines("stderr")
	long := strings.Repeat("y", 3*maxLine)
	for _, part := range []string{"one", " line\n", "\n\x1b[31mred\a\n", long, long, "\nnot end", "ed"} {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			t.Fatalf("Write: %d, %v", n, err)
		}
	}
	l.flush()
	want := []string{"one line", "[31mred", strings.Repeat("y", maxLine) + " [...]", "not ended"}
	if len(o.last) != len(want) {
		t.Fatalf("lines: %q", o.last)
	}
	for i := range want {
		if o.last[i] != want[i] {
			t.Errorf("line %d: %q, want %q", i, o.last[i], want[i])
		}
	}
	if tail := o.tail(); len(tail) > maxWords+10 || !strings.HasPrefix(tail, "one line / ") {
		t.Errorf("tail: %q", tail)
	}
}

func TestClipKeepsWholeRunes(t *testing.T) {
	if got := clip(strings.Repeat("ü", maxWords)); strings.ToValidUTF8(got, "") != got || len(got) > maxWords+10 {
		t.Errorf("got %q", got)
	}
}
