package frame

import (
	"bytes"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Whatever the Spec and the stream, cutting ends, stays inside the stream, does
// not depend on how it was read, and sealing again gives the same bytes.
func FuzzCutRoundTrip(f *testing.F) {
	f.Add([]byte("STF\x01\x00\x00\x00\x00"), 4, 2, 0, 6, 1, 16384, []byte("STF\x01\x00\x03\x00\x00abcSTF\x01\x00\x00\x07\x00"), 5)
	f.Add(make([]byte, 6), 0, 2, 6, 0, 0, 2000, []byte("\x00\x09\x00\x00\x00\x00abc"), 3)
	f.Add(make([]byte, 12), 8, 4, -3, 0, 4, 0, make([]byte, 40), 13)
	f.Fuzz(func(t *testing.T, header []byte, lo, lw, adds, to, tw, limit int, stream []byte, piece int) {
		if lw == 0 || len(stream) > 1<<16 || limit > framing.MaxFrame {
			return
		}
		c, err := New(framing.Spec{
			Header: header, Length: framing.Field{Offset: lo, Width: lw}, LengthAdds: adds,
			Type: framing.Field{Offset: to, Width: tw}, MaxPayload: limit,
		})
		if err != nil {
			return
		}
		whole, failed := cutAll(t, c, stream, len(stream)+1)
		if !bytes.HasPrefix(stream, whole) {
			t.Fatalf("sealed again %x, stream %x", whole, stream)
		}
		again, failedAgain := cutAll(t, c, stream, max(piece, 1))
		if !bytes.Equal(again, whole) || failed != failedAgain {
			t.Fatalf("in pieces of %d: %d bytes, failed %v; at once %d, %v", piece, len(again), failedAgain, len(whole), failed)
		}
	})
}

// cutAll feeds stream in pieces and seals again what was cut.
func cutAll(t *testing.T, c *Codec, stream []byte, piece int) (out []byte, failed bool) {
	k, err := NewCutter(c)
	if err != nil {
		t.Fatal(err)
	}
	for len(stream) > 0 {
		n := copy(k.Space(), stream[:min(piece, len(stream))])
		k.Fill(n)
		stream = stream[n:]
		for {
			f, ok, err := k.Next()
			if err != nil {
				return out, true
			}
			if !ok {
				break
			}
			if len(f.Payload) > c.MaxPayload() {
				t.Fatalf("%d bytes of payload", len(f.Payload))
			}
			out = append(out, sealed(t, c, f.Type, f.Payload)...)
		}
	}
	return out, false
}

// A datagram that is accepted seals to itself.
func FuzzDatagramRoundTrip(f *testing.F) {
	f.Add([]byte("\x00abc"), false)
	f.Add([]byte("\x00\x09\x00\x00\x00\x00abc"), true)
	f.Fuzz(func(t *testing.T, d []byte, withLength bool) {
		spec := dtls
		if withLength {
			spec = counting
		}
		c := codec(t, spec)
		fr, err := c.Datagram(d)
		if err != nil {
			return
		}
		if again := sealed(t, c, fr.Type, fr.Payload); !bytes.Equal(again, d) {
			t.Fatalf("%x became %x", d, again)
		}
	})
}
