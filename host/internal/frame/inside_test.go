package frame

import (
	"bytes"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// sstp has PPP in the frames of type 0.
var sstp = framing.Spec{
	Header: []byte{0x10, 0, 0, 0}, Length: framing.Field{Offset: 2, Width: 2}, LengthAdds: 4,
	Type: framing.Field{Offset: 1, Width: 1}, PPP: &framing.PPP{}, MaxPayload: 4091,
}

func TestPPPIsSealedByType(t *testing.T) {
	short, fortinet := sstp, framing.Spec{Header: []byte{0, 0, 0x50, 0x50, 0, 0}, Length: framing.Field{Offset: 4, Width: 2}, PPP: &framing.PPP{NoAddress: true}}
	short.PPP = &framing.PPP{NoAddress: true, ShortProtocol: true}
	for _, test := range []struct {
		spec    framing.Spec
		typ     uint32
		payload string
		want    string
	}{
		{sstp, 0, "\x45..", "\x10\x00\x00\x0b\xff\x03\x00\x21\x45.."},
		{sstp, 0, "\x60..", "\x10\x00\x00\x0b\xff\x03\x00\x57\x60.."},
		{sstp, framing.InPPP | 0xc021, "\x01\x01", "\x10\x00\x00\x0a\xff\x03\xc0\x21\x01\x01"},
		{sstp, 1, "\x00\x08\x00\x00", "\x10\x01\x00\x08\x00\x08\x00\x00"},
		{short, 0, "\x45..", "\x10\x00\x00\x08\x21\x45.."},
		{short, framing.InPPP | 0xc021, "\x01\x01", "\x10\x00\x00\x0a\xff\x03\xc0\x21\x01\x01"},
		{short, framing.InPPP | 0x8021, "\x01\x01", "\x10\x00\x00\x08\x80\x21\x01\x01"},
		{fortinet, 0, "\x45..", "\x00\x00\x50\x50\x00\x05\x00\x21\x45.."},
	} {
		c := codec(t, test.spec)
		buf := append(make([]byte, framing.MaxHeader), test.payload...)
		if err := c.Seal(buf, framing.MaxHeader, test.typ); err != nil {
			t.Fatal(err)
		}
		got := buf[framing.MaxHeader-c.HeaderLenOf(test.typ):]
		if string(got) != test.want {
			t.Errorf("type %#x: %x, want %x", test.typ, got, test.want)
		}
		f, n, err := c.Cut(got)
		if f.Type != test.typ || string(f.Payload) != test.payload || n != len(got) || err != nil {
			t.Errorf("type %#x: cut %+v, %d, %v", test.typ, f, n, err)
		}
		if d, err := c.Datagram(got); d.Type != f.Type || !bytes.Equal(d.Payload, f.Payload) || err != nil {
			t.Errorf("type %#x: as a datagram %+v, %v", test.typ, d, err)
		}
	}
}

func TestTypesThatPPPHasNot(t *testing.T) {
	bare := framing.Spec{PPP: &framing.PPP{}}
	for typ, spec := range map[uint32]framing.Spec{
		framing.InPPP | 0xc020: sstp, framing.InPPP | 0x0121: sstp, 2 * framing.InPPP: sstp, 0x100: sstp, 7: bare,
	} {
		c := codec(t, spec)
		buf := append(make([]byte, framing.MaxHeader), "\x01\x01"...)
		if err := c.Seal(buf, framing.MaxHeader, typ); err == nil {
			t.Errorf("a frame of type %#x was sealed", typ)
		}
	}
}

func TestWhatIsNoPPPIsNoPacket(t *testing.T) {
	c := codec(t, sstp)
	for _, wire := range []string{"\x10\x00\x00\x04", "\x10\x00\x00\x06\x00\x20"} {
		f, n, err := c.Cut([]byte(wire))
		if f.Type != c.DataType() || len(f.Payload) != 0 || n != len(wire) || err != nil {
			t.Errorf("%x: %+v, %d, %v", wire, f, n, err)
		}
	}
}

func TestPPPDoesNotAllocate(t *testing.T) {
	c := codec(t, sstp)
	k, err := NewCutter(c)
	if err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, framing.MaxHeader+1400)
	buf[framing.MaxHeader] = 0x45
	if n := testing.AllocsPerRun(100, func() {
		if c.Seal(buf, framing.MaxHeader, c.DataType()) != nil {
			t.Error("seal")
		}
		k.Fill(copy(k.Space(), buf[framing.MaxHeader-c.HeaderLen():]))
		if f, ok, _ := k.Next(); !ok || len(f.Payload) != 1400 {
			t.Error("cut")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Whatever a data frame holds, what is cut out of it is sealed again to what means the same.
func FuzzInside(f *testing.F) {
	f.Add([]byte("\xff\x03\xc0\x21\x01\x01\x00\x04"), false, false)
	f.Add([]byte("\x57\x60"), true, true)
	f.Fuzz(func(t *testing.T, inside []byte, noAddress, short bool) {
		spec := sstp
		spec.PPP, spec.MaxPayload = &framing.PPP{NoAddress: noAddress, ShortProtocol: short}, 0
		c := codec(t, spec)
		buf := append([]byte{0x10, 0, byte((len(inside) + 4) >> 8), byte(len(inside) + 4)}, inside...)
		fr, n, err := c.Cut(buf)
		if n == 0 || err != nil || len(fr.Payload) == 0 {
			return
		}
		again, _, err := c.Cut(sealed(t, c, fr.Type, fr.Payload))
		if again.Type != fr.Type || !bytes.Equal(again.Payload, fr.Payload) || err != nil {
			t.Fatalf("%x: %+v became %+v, %v", inside, fr, again, err)
		}
	})
}
