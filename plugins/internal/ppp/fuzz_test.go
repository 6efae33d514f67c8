package ppp

import (
	"bytes"
	"testing"
	"time"
)

// Whatever comes, the machine neither fails nor talks without end.
func FuzzFrames(f *testing.F) {
	f.Add([]byte("\xc0\x21\x0c\x01\x01\x00\x0c\x01\x04\x05\xdc\x03\x04\xc0\x23"), uint8(3))
	f.Add([]byte("\xc2\x23\x19\x01\x01\x00\x19\x10aaaaaaaaaaaaaaaagate"), uint8(0))
	f.Add([]byte("\x80\xfd\x0a\x01\x01\x00\x0a\x12\x06\x01\x00\x00\x40"), uint8(4))
	f.Add([]byte("\x80\x21\x0a\x03\x01\x00\x0a\x03\x06\x0a\x00\x00\x02"), uint8(1))
	f.Fuzz(func(t *testing.T, stream []byte, from uint8) {
		c := config(everything...)
		c.IPv6 = from%2 == 1
		if from%7 > 3 {
			c.MPPE = &MPPE{Bits: []int{128, 40}, Stateful: from%7 == 4, Required: from%7 == 5}
		}
		l := newLine(t, 1, c, &gate{login: everything[from%4], password: testPassword, expired: from%3 == 0})
		l.begin()
		if from%5 > 0 {
			l.run(time.Duration(from)*10*time.Millisecond, func() bool { return false })
		}
		m, now := l.ends[theClient], l.now
		for frames := 0; len(stream) > 2 && frames < 100; frames++ {
			n := min(int(stream[2]), len(stream)-3)
			protocol := uint16(stream[0])<<8 | uint16(stream[1])
			effects := m.Frame(now, protocol, stream[3:3+n])
			if len(effects) > 20 {
				t.Fatalf("%d effects of one frame: %+v", len(effects), effects)
			}
			stream = stream[3+n:]
			if now = now.Add(time.Second); frames%3 == 0 {
				m.Tick(now)
			}
		}
		for ticks := 0; !m.Deadline().IsZero(); ticks++ {
			if now = later(now, m.Deadline()); ticks > 1000 {
				t.Fatal("it waits for one thing after the other")
			}
			m.Tick(now)
		}
	})
}

// A packet that can be read is written as it was, but for the padding behind it.
func FuzzPacket(f *testing.F) {
	f.Add([]byte("\x01\x01\x00\x08\x01\x04\x05\xdc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if protocol, payload, err := ParseFrame(b); err == nil {
			again, same, err := ParseFrame(AppendFrame(nil, protocol, payload))
			if again != protocol || !bytes.Equal(same, payload) || err != nil {
				t.Fatalf("%x became %04x %x, %v", b, again, same, err)
			}
		}
		p, err := parsePacket(b)
		if err != nil {
			return
		}
		if again := p.append(nil); !bytes.HasPrefix(b, again) {
			t.Fatalf("%x became %x", b, again)
		}
		if all, err := parseOptions(p.data); err == nil && !bytes.Equal(appendOptions(nil, all), p.data) {
			t.Fatalf("options %x became %x", p.data, appendOptions(nil, all))
		}
	})
}
