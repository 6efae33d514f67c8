package esp

import (
	"bytes"
	"testing"
)

// Hostile bytes are never good, and never break an SA: what was sealed opens after them.
func FuzzOpen(f *testing.F) {
	for i, s := range Suites {
		o, _ := ends(f, newSA(s, testSPI))
		f.Add(byte(i), false, sealed(f, o, ipv4(60), nextIPv4))
		f.Add(byte(i), true, []byte{0, 0, 0, 0, 1})
	}
	f.Fuzz(func(t *testing.T, which byte, esn bool, pkt []byte) {
		sa := newSA(Suites[int(which)%len(Suites)], testSPI+1) // not the keys of the seeds
		sa.ESN = esn
		o, in := ends(t, sa)
		if n, _, v := in.Open(make([]byte, 2048), pkt); v == Good || n != 0 {
			t.Fatalf("%x: %v, %d bytes", pkt, v, n)
		}
		payload, next, v := opened(in, sealed(t, o, pkt, which))
		if v != Good || next != which || !bytes.Equal(payload, pkt) {
			t.Fatalf("after %x: %v", pkt, v)
		}
	})
}

// What a wire hands over is a whole IP packet, whatever an authentic peer sends.
func FuzzTake(f *testing.F) {
	f.Add(ipv4(40), byte(nextIPv4))
	f.Add(ipv6(60), byte(nextIPv6))
	f.Add(append(ipv4(40), make([]byte, 100)...), byte(nextIPv4))
	f.Add([]byte{0xff}, byte(nextDummy))
	f.Fuzz(func(t *testing.T, payload []byte, next byte) {
		w := NewWire(nil, Handler{})
		o, in := ends(t, newSA(Suites[0], testSPI))
		if err := w.AddInbound(in); err != nil {
			t.Fatal(err)
		}
		dst := make([]byte, len(payload)+64)
		n, v := w.take(*w.in.Load(), dst, sealed(t, o, payload, next))
		if n > len(payload) || (v == Good) != (n > 0) || v == Good && next != nextHeader(dst[:n]) {
			t.Fatalf("%x with next header %d: %v, %d bytes", payload, next, v, n)
		}
		w.take(*w.in.Load(), dst, payload)
	})
}
