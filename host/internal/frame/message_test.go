package frame

import (
	"bytes"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// overL2TP is PPP in L2TP.
func overL2TP(sequence bool) framing.Spec {
	return framing.Spec{
		L2TP: &framing.L2TP{Tunnel: 0x0102, Session: 0x0304, OwnTunnel: 0x0102, OwnSession: 0x0304, Sequence: sequence},
		PPP:  &framing.PPP{},
	}
}

func TestL2TPIsSealedByType(t *testing.T) {
	const control = "\xc8\x02\x00\x0c\x01\x02\x00\x00\x00\x00\x00\x00"
	for _, test := range []struct {
		sequence      bool
		typ           uint32
		payload, want string
	}{
		{false, 0, "\x45..", "\x00\x02\x01\x02\x03\x04\xff\x03\x00\x21\x45.."},
		{true, 0, "\x60..", "\x08\x02\x01\x02\x03\x04\x00\x00\x00\x00\xff\x03\x00\x57\x60.."},
		{false, framing.InPPP | 0xc021, "\x01\x01", "\x00\x02\x01\x02\x03\x04\xff\x03\xc0\x21\x01\x01"},
		{true, framing.L2TPControl, control, control},
	} {
		c := codec(t, overL2TP(test.sequence))
		buf := append(make([]byte, framing.MaxHeader), test.payload...)
		if err := c.Seal(buf, framing.MaxHeader, test.typ); err != nil {
			t.Fatal(err)
		}
		got := buf[framing.MaxHeader-c.HeaderLenOf(test.typ):]
		if string(got) != test.want {
			t.Errorf("type %#x: %x, want %x", test.typ, got, test.want)
		}
		if f, err := c.Datagram(got); f.Type != test.typ || string(f.Payload) != test.payload || err != nil {
			t.Errorf("type %#x: %+v, %v", test.typ, f, err)
		}
	}
}

func TestTypesThatL2TPHasNot(t *testing.T) {
	c := codec(t, overL2TP(false))
	for _, typ := range []uint32{7, framing.L2TPControl + 1, framing.InPPP | 0xc020} {
		if err := c.Seal(make([]byte, framing.MaxHeader+1), framing.MaxHeader, typ); err == nil {
			t.Errorf("a frame of type %#x was sealed", typ)
		}
	}
	if f, err := c.Datagram([]byte("\x00\x02\x01\x02\x03\x05\x45..")); err == nil {
		t.Errorf("a message of another session is %+v", f)
	}
}

func TestL2TPDoesNotAllocate(t *testing.T) {
	for _, sequence := range []bool{false, true} {
		c := codec(t, overL2TP(sequence))
		buf := make([]byte, framing.MaxHeader+1400)
		buf[framing.MaxHeader] = 0x45
		if n := testing.AllocsPerRun(100, func() {
			if c.Seal(buf, framing.MaxHeader, c.DataType()) != nil {
				t.Error("seal")
			}
			if f, err := c.Datagram(buf[framing.MaxHeader-c.HeaderLen():]); err != nil || len(f.Payload) != 1400 {
				t.Error("datagram")
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	}
}

// Whatever a message holds, what is read of it is sealed again to what means the same.
func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x00\x02\x01\x02\x03\x04\xff\x03\xc0\x21\x01\x01\x00\x04"))
	f.Add([]byte("\x4a\x02\x00\x13\x01\x02\x03\x04\x00\x09\x00\x00\x00\x02..\x21\x45."))
	f.Add([]byte("\xc8\x02\x00\x0c\x01\x02\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := codec(t, overL2TP(false))
		fr, err := c.Datagram(b)
		if err != nil || len(fr.Payload) == 0 {
			return
		}
		again, err := c.Datagram(sealed(t, c, fr.Type, fr.Payload))
		if again.Type != fr.Type || !bytes.Equal(again.Payload, fr.Payload) || err != nil {
			t.Fatalf("%x: %+v became %+v, %v", b, fr, again, err)
		}
	})
}
