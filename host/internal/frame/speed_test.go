package frame

import (
	"bytes"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

func TestFramesDoNotAllocate(t *testing.T) {
	c, d := codec(t, cstp), codec(t, dtls)
	k, err := NewCutter(c)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, framing.MaxHeader+1400)
	if n := testing.AllocsPerRun(100, func() {
		if c.Seal(buf, framing.MaxHeader, 0) != nil {
			t.Error("seal")
		}
		k.Fill(copy(k.Space(), buf[framing.MaxHeader-8:]))
		if _, ok, _ := k.Next(); !ok {
			t.Error("cut")
		}
		if d.Seal(buf, framing.MaxHeader, 0) != nil {
			t.Error("seal")
		}
		if _, err := d.Datagram(buf[framing.MaxHeader-1:]); err != nil {
			t.Error(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkSeal(b *testing.B) {
	c := codec(b, cstp)
	buf := make([]byte, framing.MaxHeader+1400)
	b.SetBytes(1400)
	for b.Loop() {
		if err := c.Seal(buf, framing.MaxHeader, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCut(b *testing.B) {
	c := codec(b, cstp)
	stream := bytes.Repeat(sealed(b, c, 0, make([]byte, 1400)), 64)
	k, err := NewCutter(c)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(1400)
	left := 0
	for b.Loop() {
		if left == 0 {
			left = 64
			k.r, k.w = 0, 0
			b.StopTimer()
			k.Fill(copy(k.Space(), stream))
			b.StartTimer()
		}
		if _, ok, err := k.Next(); !ok || err != nil {
			b.Fatal(ok, err)
		}
		left--
	}
}
