package mppe

import (
	"bytes"
	"crypto/rc4"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The samples of RFC 3079 section 5.
func TestKnownKeys(t *testing.T) {
	start := unhex(t, "8b7cdc149b993a1ba118cb153f56dccb")
	for _, c := range []struct {
		bits             int
		session, message string
	}{
		{40, "d1269ec49fa62e3e", "929137917e5803d668d75898"},
		{56, "d15c00c49fa62e3e", "3f106833fa448da842bc57"},
		{128, "405cb2247a7956e6e211007ae27b22d4", "81848317df68846272fb5abe"},
	} {
		k, err := newKey(Config{Key: start, Bits: c.bits})
		if err != nil {
			t.Fatal(err)
		}
		if got := hex.EncodeToString(k.session[:k.n]); got != c.session {
			t.Errorf("%d bits: session key %s, want %s", c.bits, got, c.session)
		}
		text := []byte("test message")
		k.rc4.xor(text, text)
		if got := hex.EncodeToString(text); !strings.HasPrefix(got, c.message) {
			t.Errorf("%d bits: message %s, want %s", c.bits, got, c.message)
		}
	}
}

func TestStreamIsRC4(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		key, text := make([]byte, 1+r.IntN(16)), make([]byte, r.IntN(3000))
		for i := range key {
			key[i] = byte(r.Uint32())
		}
		c, err := rc4.NewCipher(key)
		if err != nil {
			t.Fatal(err)
		}
		want, got := make([]byte, len(text)), make([]byte, len(text))
		c.XORKeyStream(want, text)
		var s stream
		s.reset(key)
		half := len(text) / 2
		s.xor(got[:half], text[:half])
		s.xor(got[half:], text[half:])
		if !bytes.Equal(got, want) {
			t.Fatalf("key %x: another stream", key)
		}
	}
}

func TestBadKeys(t *testing.T) {
	for _, c := range []Config{{}, {Key: make([]byte, 16)}, {Key: make([]byte, 8), Bits: 128}, {Key: make([]byte, 16), Bits: 64}, {Key: make([]byte, 7), Bits: 40}} {
		if _, err := NewEncrypter(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
		if _, err := NewDecrypter(c); err == nil {
			t.Errorf("%+v is taken", c)
		}
	}
}

func pair(t testing.TB, bits int, stateless bool) (*Encrypter, *Decrypter) {
	t.Helper()
	c := Config{Key: []byte("0123456789abcdef"), Bits: bits, Stateless: stateless}
	e, err := NewEncrypter(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := NewDecrypter(c)
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// packet is one of IPv4, with a number in it.
func packet(n int) []byte {
	b := fmt.Appendf([]byte{0, 0, 0, 0x21, 0x45, 0, 0, 0}, "packet %d", n)
	b[7] = byte(len(b) - 4)
	return b
}

// wants opens a packet and looks at it.
func wants(t *testing.T, d *Decrypter, sealed []byte, n int, want Verdict) {
	t.Helper()
	dst := make([]byte, len(sealed))
	size, v := d.Open(dst, sealed)
	if v != want || v == Good && !bytes.Equal(dst[:size], packet(n)[HeaderSize:]) {
		t.Fatalf("packet %d: verdict %d, want %d; %q", n, v, want, dst[:size])
	}
}

func seal(e *Encrypter, n int) []byte {
	b := packet(n)
	e.Seal(b)
	return b
}

func TestThereAndBack(t *testing.T) {
	for _, bits := range []int{40, 56, 128} {
		for _, stateless := range []bool{true, false} {
			e, d := pair(t, bits, stateless)
			seen := map[string]bool{}
			for n := range counts + 600 {
				b := seal(e, 0)
				wants(t, d, b, 0, Good)
				if seen[string(b)] {
					t.Fatalf("%d bits, stateless %v: packet %d is the same as one before", bits, stateless, n)
				}
				seen[string(b)] = true
			}
		}
	}
}

// Stateless packets may be missing, but do not come back.
func TestStatelessLoss(t *testing.T) {
	e, d := pair(t, 128, true)
	r := rand.New(rand.NewPCG(3, 4))
	for n := range 10000 {
		if b := seal(e, n); r.IntN(3) > 0 || n == 0 {
			wants(t, d, b, n, Good)
			if n%100 == 0 {
				wants(t, d, b, n, Late)
			}
		}
	}
}

// Forged packets do not put the two out of step.
func TestStatelessForgery(t *testing.T) {
	e, d := pair(t, 128, true)
	for n := range 100 {
		wants(t, d, []byte{0x97, 0xd0, 1, 2, 3, 4, 5, 6, 7, 8}, 0, Garbled)
		wants(t, d, seal(e, n), n, Good)
	}
	wants(t, d, []byte{0x87, 0xd0, 1, 2}, 0, Malformed)
	wants(t, d, []byte{0x97, 0xd0}, 0, Malformed)
	wants(t, d, nil, 0, Malformed)
}

// Stateful packets that are missing cost those up to the next to begin with, which the
// peer sends when it is asked, and every 256 anyway.
func TestStatefulLoss(t *testing.T) {
	for _, asked := range []bool{true, false} {
		e, d := pair(t, 128, false)
		r := rand.New(rand.NewPCG(5, 6))
		lost, good := false, 0
		for n := range 20000 {
			b := seal(e, n)
			if r.IntN(50) == 0 {
				continue
			}
			dst := make([]byte, len(b))
			size, v := d.Open(dst, b)
			switch {
			case v == Good:
				good++
				if lost = false; !bytes.Equal(dst[:size], packet(n)[HeaderSize:]) {
					t.Fatalf("packet %d is another", n)
				}
			case v != Lost:
				t.Fatalf("packet %d: verdict %d", n, v)
			case !lost && asked:
				lost = true
				e.Reset()
			}
		}
		if good < 1000 || asked && good < 15000 {
			t.Errorf("asked %v: %d came", asked, good)
		}
	}
}

// A peer by RFC 3078 goes on with the same key when it was asked.
func TestResetWithTheSameKey(t *testing.T) {
	e, d := pair(t, 128, false)
	for n := range 5 {
		wants(t, d, seal(e, n), n, Good)
	}
	seal(e, 5)
	wants(t, d, seal(e, 6), 6, Lost)
	e.key.reset()
	b := seal(e, 7)
	b[0] |= flushed >> 8
	wants(t, d, b, 7, Good)
	for n := 8; n < 1000; n++ {
		wants(t, d, seal(e, n), n, Good)
	}
}

func TestNothingIsAllocated(t *testing.T) {
	for _, stateless := range []bool{true, false} {
		e, d := pair(t, 128, stateless)
		b, dst := make([]byte, 1400), make([]byte, 1400)
		allocs := testing.AllocsPerRun(300, func() {
			copy(b[2:], "\x00\x21\x45\x00\x05\x00")
			e.Seal(b)
			if _, v := d.Open(dst, b); v != Good {
				t.Fatal(v)
			}
		})
		if allocs != 0 {
			t.Errorf("stateless %v: %v allocations a packet", stateless, allocs)
		}
	}
}

func FuzzOpen(f *testing.F) {
	e, _ := pair(f, 128, true)
	f.Add(seal(e, 1), true)
	e, _ = pair(f, 128, false)
	f.Add(seal(e, 1), false)
	f.Fuzz(func(t *testing.T, b []byte, stateless bool) {
		e, d := pair(t, 128, stateless)
		dst := make([]byte, len(b))
		if n, v := d.Open(dst, b); v == Good && n != len(b)-HeaderSize {
			t.Fatalf("%d bytes of %d", n, len(b))
		}
		for n := range 3 { // it can still be put in step
			e.Reset()
			if size, v := d.Open(make([]byte, 64), seal(e, n)); v == Good && size != len(packet(n))-HeaderSize {
				t.Fatal("another packet")
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	e, _ := pair(b, 128, true)
	buf := make([]byte, 1400)
	b.SetBytes(int64(len(buf)))
	for b.Loop() {
		e.Seal(buf)
	}
}
