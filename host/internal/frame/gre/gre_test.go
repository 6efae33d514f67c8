package gre

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Messages as RFC 2637 draws them.
func TestKnownMessages(t *testing.T) {
	got := make([]byte, Size)
	Put(got, 0x1234, 4, 7, 9)
	if want := unhex(t, "3081880b000412340000000700000009"); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	PutAck(got[:AckSize], 0xfffe, 0xffffffff)
	if want := unhex(t, "2081880b0000fffeffffffff"); !bytes.Equal(got[:AckSize], want) {
		t.Errorf("%x, want %x", got[:AckSize], want)
	}
	for text, want := range map[string]Packet{
		"3081880b0004123400000007000000090102030405": {Call: 0x1234, Sequence: 7, HasSequence: true, Ack: 9, HasAck: true, Payload: []byte{1, 2, 3, 4}},
		"3001880b00021234000000070102":               {Call: 0x1234, Sequence: 7, HasSequence: true, Payload: []byte{1, 2}},
		"2081880b0000fffeffffffff":                   {Call: 0xfffe, Ack: 0xffffffff, HasAck: true},
	} {
		p, ok := Parse(unhex(t, text))
		if !ok || fmt.Sprint(p) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, %v", text, p, ok)
		}
	}
}

func TestNoMessages(t *testing.T) {
	for what, text := range map[string]string{
		"nothing":              "",
		"short":                "3081880b000412",
		"without sequence":     "3081880b0004123400000007",
		"longer than it is":    "3001880b00031234000000070102",
		"version 0":            "3080880b0000123400000007000000090102",
		"another payload":      "308108000000123400000007000000090102",
		"with a checksum":      "b081880b0000123400000007000000090102",
		"with routing":         "7081880b0000123400000007000000090102",
		"without a key":        "1081880b0000123400000007000000090102",
		"strict source route":  "3881880b0000123400000007000000090102",
		"nested":               "3181880b0000123400000007000000090102",
		"payload, no sequence": "2081880b000212340000000701020304",
	} {
		if p, ok := Parse(unhex(t, text)); ok {
			t.Errorf("%s: %+v", what, p)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(unhex(f, "3081880b00041234000000070000000901020304"))
	f.Add(unhex(f, "2081880b0000fffeffffffff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, ok := Parse(b)
		if !ok || !p.HasSequence {
			return
		}
		again := make([]byte, Size, Size+len(p.Payload))
		Put(again, p.Call, len(p.Payload), p.Sequence, p.Ack)
		q, ok := Parse(append(again, p.Payload...))
		if !ok || q.Call != p.Call || q.Sequence != p.Sequence || q.Ack != p.Ack || !bytes.Equal(q.Payload, p.Payload) {
			t.Fatalf("%+v became %+v, %v", p, q, ok)
		}
	})
}

// line feeds a window, and tells what came of it.
type line struct {
	w   *Window
	now time.Time
	got []uint32
	out [][]byte
}

func newLine(next uint32) *line { return &line{w: NewWindow(next), now: time.Unix(1000, 0)} }

func (l *line) payload(n uint32) []byte { return fmt.Appendf(nil, "%d", n) }

func (l *line) take() {
	for _, b := range l.out {
		var n uint32
		fmt.Sscan(string(b), &n)
		l.got = append(l.got, n)
	}
	l.out = l.out[:0]
}

func (l *line) add(numbers ...uint32) *line {
	for _, n := range numbers {
		l.out, _ = l.w.Add(l.out, l.now, n, l.payload(n))
		l.take()
	}
	return l
}

func (l *line) wait(d time.Duration) *line {
	l.now = l.now.Add(d)
	l.out = l.w.Expire(l.out, l.now)
	l.take()
	return l
}

func (l *line) want(t *testing.T, what string, numbers ...uint32) {
	t.Helper()
	if fmt.Sprint(l.got) != fmt.Sprint(numbers) {
		t.Errorf("%s: got %v, want %v", what, l.got, numbers)
	}
}

func TestWindow(t *testing.T) {
	newLine(5).add(5, 6, 7).want(t, "in order", 5, 6, 7)
	newLine(5).add(6, 5, 7).want(t, "overtaken", 5, 6, 7)
	newLine(5).add(5, 5, 4, 6).want(t, "doubled and late", 5, 6)
	newLine(5).add(7, 7, 5, 6).want(t, "doubled while kept", 5, 6, 7)
	newLine(5).add(6, 7).want(t, "missing")
	newLine(5).add(6, 7).wait(Wait-1).want(t, "missing, not yet")
	newLine(5).add(6, 7).wait(Wait).add(5, 8).want(t, "missing, given up", 6, 7, 8)
	newLine(5).add(6, 8).wait(Wait).want(t, "two missing, one given up", 6)
	newLine(5).add(6, 8).wait(Wait).wait(Wait).want(t, "two missing, both given up", 6, 8)
	newLine(5).add(6, 5+Depth).want(t, "more than fits", 6)
	newLine(5).add(6, 1000, 1001).want(t, "a jump", 6, 1000, 1001)
	newLine(0xffffffff).add(0, 0xffffffff, 1).want(t, "around", 0xffffffff, 0, 1)
	if l := newLine(5).add(6); l.w.Due() != l.now.Add(Wait) || !newLine(5).add(5).w.Due().IsZero() {
		t.Error("what is waited for is not told")
	}
}

// Whatever comes, what goes out is in order, was put in, and never twice; nothing is lost
// that came within the window.
func TestWindowOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		l := newLine(0xffffff00)
		numbers := make([]uint32, 600)
		for i := range numbers {
			numbers[i] = 0xffffff00 + uint32(i)
		}
		for i := 0; i < len(numbers); i += 20 {
			r.Shuffle(20, func(a, b int) { numbers[i+a], numbers[i+b] = numbers[i+b], numbers[i+a] })
		}
		l.add(numbers...)
		for range Depth {
			l.wait(Wait)
		}
		if len(l.got) != len(numbers) {
			t.Fatalf("%d of %d came", len(l.got), len(numbers))
		}
		for i := 1; i < len(l.got); i++ {
			if l.got[i] != l.got[i-1]+1 {
				t.Fatalf("%d behind %d", l.got[i], l.got[i-1])
			}
		}
	}
}

func FuzzWindow(f *testing.F) {
	f.Add([]byte{0, 1, 2, 9, 3, 200, 4})
	f.Fuzz(func(t *testing.T, steps []byte) {
		l := newLine(0)
		at := uint32(0)
		for _, s := range steps {
			if s == 255 {
				l.wait(Wait)
				continue
			}
			l.add(at + uint32(s))
			at += uint32(s) / 16
		}
		for i := 1; i < len(l.got); i++ {
			if int32(l.got[i]-l.got[i-1]) <= 0 {
				t.Fatalf("%d behind %d", l.got[i], l.got[i-1])
			}
		}
		if l.w.count < 0 || l.w.count > Depth {
			t.Fatalf("%d are kept", l.w.count)
		}
	})
}

func TestNothingIsAllocated(t *testing.T) {
	w, out, payload, now := NewWindow(0), make([][]byte, 0, slots), make([]byte, 1400), time.Unix(1, 0)
	h := make([]byte, Size+len(payload))
	n := uint32(0)
	allocs := testing.AllocsPerRun(100, func() {
		Put(h, 1, len(payload), n+1, 0)
		p, _ := Parse(h)
		out, _ = w.Add(out[:0], now, p.Sequence, p.Payload)
		out, _ = w.Add(out[:0], now, n, payload)
		out = w.Expire(out[:0], now)
		n += 2
	})
	if allocs != 0 {
		t.Errorf("%v allocations a packet", allocs)
	}
}
