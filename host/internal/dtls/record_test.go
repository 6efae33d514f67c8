package dtls

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestPRFVector is the widely used vector for TLS 1.2 with SHA-256.
func TestPRFVector(t *testing.T) {
	secret, seed := unhex(t, "9bbe436ba940f017b17652849a71db35"), unhex(t, "a0ba9f936cda311827a6f796ffd5198c")
	want := "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a" +
		"6b301791e90d35c9c9a46b4e14baf9af0fa022f7077def17abfd3797c0564bab" +
		"4fbc91666e9def9b97fce34f796789baa48082d122ee42c5a72e5a5110fff701" +
		"87347b66"
	got := hex.EncodeToString(prf(suiteNamed("TLS_RSA_WITH_AES_128_GCM_SHA256").hash, secret, "test label", seed, len(want)/2))
	if got != want {
		t.Errorf("got %s", got)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// sessions returns two ends of one association, without a handshake.
func sessions(t testing.TB, s *Suite) (a, b *Session) {
	t.Helper()
	master, random := bytes.Repeat([]byte{1}, masterSize), bytes.Repeat([]byte{2}, randomSize)
	client, server, err := keyBlock(s, master, random, random)
	if err != nil {
		t.Fatal(err)
	}
	again, back, err := keyBlock(s, master, random, random)
	if err != nil {
		t.Fatal(err)
	}
	return &Session{suite: s, write: client, read: server}, &Session{suite: s, write: back, read: again}
}

// sealed returns data as one datagram from s.
func sealed(t testing.TB, s *Session, data []byte) []byte {
	t.Helper()
	b := append(make([]byte, s.Front(), s.Front()+len(data)+tagSize), data...)
	b, err := s.Seal(b, s.Front())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func eachSuite(t *testing.T, f func(t *testing.T, s *Suite)) {
	t.Helper()
	for _, s := range suites {
		t.Run(s.Name, func(t *testing.T) { f(t, s) })
	}
}

func TestSealOpen(t *testing.T) {
	eachSuite(t, func(t *testing.T, s *Suite) {
		a, b := sessions(t, s)
		dst := make([]byte, maxPlain)
		for _, size := range []int{0, 1, 1400, maxPlain} {
			data := bytes.Repeat([]byte{byte(size)}, size)
			d := sealed(t, a, data)
			if len(d) != size+s.Overhead() {
				t.Errorf("%d bytes became %d, Overhead says %d", size, len(d), s.Overhead())
			}
			n, rest, err := b.Open(dst, d)
			if n != size || len(rest) != 0 || err != nil || !bytes.Equal(dst[:n], data) {
				t.Errorf("size %d: got %d, %d left, %v", size, n, len(rest), err)
			}
			if n, _, _ = b.Open(dst, d); n != -1 {
				t.Errorf("size %d: accepted twice", size)
			}
		}
	})
}

// TestSealKeepsOutside proves that only Front bytes before and 16 after are touched.
func TestSealKeepsOutside(t *testing.T) {
	eachSuite(t, func(t *testing.T, s *Suite) {
		a, _ := sessions(t, s)
		whole := bytes.Repeat([]byte{0xaa}, 200)
		const offset, size = 60, 50
		if _, err := a.Seal(whole[:offset+size:offset+size+tagSize], offset); err != nil {
			t.Fatal(err)
		}
		outside := append(bytes.Clone(whole[:offset-a.Front()]), whole[offset+size+tagSize:]...)
		if bytes.Count(outside, []byte{0xaa}) != len(outside) {
			t.Errorf("% x", whole)
		}
	})
}

func TestOpenDropsWhatIsNotAuthentic(t *testing.T) {
	eachSuite(t, func(t *testing.T, s *Suite) {
		a, b := sessions(t, s)
		d := sealed(t, a, []byte("data"))
		dst := make([]byte, maxPlain)
		for i := range d {
			bad := bytes.Clone(d)
			bad[i] ^= 0x01
			if n, _, err := b.Open(dst, bad); n != -1 || err != nil {
				t.Errorf("byte %d changed: got %d, %v", i, n, err)
			}
		}
		for i := range d {
			if n, _, err := b.Open(dst, d[:i]); n != -1 || err != nil {
				t.Errorf("cut at %d: got %d, %v", i, n, err)
			}
		}
		if n, _, _ := b.Open(dst[:3], d); n != -1 {
			t.Error("opened into too small a buffer")
		}
		if n, _, _ := b.Open(dst, d); n != 4 {
			t.Error("the true record is refused after the false ones")
		}
	})
}

func TestOpenTakesSeveralRecordsInADatagram(t *testing.T) {
	a, b := sessions(t, suites[0])
	d := append(sealed(t, a, []byte("one")), sealed(t, a, []byte("two"))...)
	d = append(d, "trailing garbage"...)
	var got []string
	dst := make([]byte, 100)
	for len(d) > 0 {
		var n int
		if n, d, _ = b.Open(dst, d); n >= 0 {
			got = append(got, string(dst[:n]))
		}
	}
	if strings.Join(got, " ") != "one two" {
		t.Errorf("got %q", got)
	}
}

func TestSealStopsBeforeNumbersRepeat(t *testing.T) {
	a, b := sessions(t, suites[0])
	a.sequence = maxSequence
	if n, _, _ := b.Open(make([]byte, 10), sealed(t, a, []byte("last"))); n != 4 {
		t.Error("the last number is refused")
	}
	if _, err := a.Seal(make([]byte, 40, 80), 40); err != ErrExhausted {
		t.Errorf("got %v", err)
	}
}

func TestWindowAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var w window
		seen, top := map[uint64]bool{}, uint64(0)
		for range 3000 {
			number := top + r.Uint64N(3)
			switch r.IntN(10) {
			case 0:
				number = top + r.Uint64N(3*windowBits)
			case 1, 2, 3, 4:
				number = top - min(top, r.Uint64N(windowBits+100))
			}
			want := !seen[number] && (number >= top || top-number <= windowBits)
			if got := w.Fresh(number); got != want {
				t.Fatalf("fresh(%d) = %v with top %d", number, got, top)
			}
			if want {
				w.Commit(number)
				seen[number] = true
				top = max(top, number+1)
			}
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	f.Add([]byte{22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 14, 0, 9})
	f.Fuzz(func(t *testing.T, b []byte) {
		h, payload, rest, ok := parseRecord(b)
		if !ok {
			return
		}
		again := make([]byte, headerSize)
		h.put(again)
		again = append(append(again, payload...), rest...)
		if !bytes.Equal(again, b) {
			t.Errorf("% x became % x", b, again)
		}
	})
}

func FuzzOpen(f *testing.F) {
	for i, s := range suites {
		a, _ := sessions(f, s)
		f.Add(i, sealed(f, a, []byte("data")))
	}
	f.Fuzz(func(t *testing.T, i int, b []byte) {
		_, s := sessions(t, suites[uint(i)%uint(len(suites))])
		dst := make([]byte, 2000)
		for len(b) > 0 {
			before := len(b)
			n, rest, _ := s.Open(dst, b)
			if n > len(dst) || len(rest) >= before {
				t.Fatalf("%d bytes from %d, %d left", n, before, len(rest))
			}
			b = rest
		}
	})
}
