package plugin

import "testing"

// What was made ahead is used, once, and leaves nothing behind.
func TestSpare(t *testing.T) {
	needRoot(t)
	before, _ := leftovers(t)
	Warm()
	Warm() // one is enough
	made := spare.Load()
	<-made.done
	if made.err != nil {
		t.Fatal(made.err)
	}
	m := manifest(t, probeStatic, "wait")
	Verify(m)
	verified := ready.Load()
	for i, wantSpare := range []bool{true, false} {
		p, err := Start(t.Context(), Launch{Manifest: m, Logger: logger(t)})
		if err != nil {
			t.Fatal(err)
		}
		if (p.Pid() == made.stage.Pid()) != wantSpare {
			t.Errorf("start %d runs as %d, the spare one is %d", i+1, p.Pid(), made.stage.Pid())
		}
		if p.Kill(); ready.Load() != nil {
			t.Error("what was verified is still there")
		}
	}
	if image, err := verified.seal(); err != nil || image.Close() == nil {
		t.Errorf("the copy was not used: %v", err)
	}
	if after, rest := leftovers(t); after > before || len(rest) > 0 {
		t.Errorf("%d descriptors became %d; left: %q", before, after, rest)
	}
}
