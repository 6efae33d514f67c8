package plugintest

import (
	"bytes"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

func TestPPPFrames(t *testing.T) {
	s := framing.Spec{
		Header: []byte{0x10, 0, 0, 0}, Length: framing.Field{Offset: 2, Width: 2}, LengthAdds: 4,
		Type: framing.Field{Offset: 1, Width: 1}, PPP: &framing.PPP{},
	}
	for _, test := range []struct {
		f    frame
		wire string
	}{
		{frame{0, []byte("\x45packet")}, "\x10\x00\x00\x0f\xff\x03\x00\x21\x45packet"},
		{frame{0, []byte("\x60packet")}, "\x10\x00\x00\x0f\xff\x03\x00\x57\x60packet"},
		{frame{framing.InPPP | 0xc021, []byte("\x01\x02")}, "\x10\x00\x00\x0a\xff\x03\xc0\x21\x01\x02"},
		{frame{1, []byte("\x00\x08")}, "\x10\x01\x00\x06\x00\x08"},
	} {
		if got := encode(s, test.f); string(got) != test.wire {
			t.Errorf("%+v is written %x, want %x", test.f, got, test.wire)
		}
		got, n, err := decode(s, []byte(test.wire))
		if got.kind != test.f.kind || !bytes.Equal(got.payload, test.f.payload) || n != len(test.wire) || err != nil {
			t.Errorf("%x is read as %+v, %d, %v", test.wire, got, n, err)
		}
	}
	for _, wire := range []string{"\x10\x00\x00\x05\x21", "\x10\x00\x00\x06\x00\x21"} {
		if got, _, err := decode(s, []byte(wire)); got.kind != 0 || len(got.payload) != 0 || err != nil {
			t.Errorf("%x is read as %+v, %v", wire, got, err)
		}
	}
}
