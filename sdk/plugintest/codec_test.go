package plugintest

import (
	"bytes"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

var layouts = map[string]framing.Spec{
	"bare":      {},
	"type only": {Header: []byte{0}, Type: framing.Field{Width: 1}},
	"cstp": {Header: []byte{'S', 'T', 'F', 1, 0, 0, 0, 0}, Length: framing.Field{Offset: 4, Width: 2},
		Type: framing.Field{Offset: 6, Width: 1}, MaxPayload: 1 << 14},
	"length with header": {Header: make([]byte, 16), Length: framing.Field{Offset: 8, Width: 4}, LengthAdds: 16,
		Type: framing.Field{Offset: 4, Width: 4}, DataType: 0x01020304},
	"EtherType": {Header: make([]byte, 8), EtherType: framing.Field{Offset: 0, Width: 2}, Length: framing.Field{Offset: 2, Width: 2},
		Type: framing.Field{Offset: 4, Width: 4}, MaxPayload: 1 << 14},
}

func FuzzFramesRoundTrip(f *testing.F) {
	f.Add([]byte("payload"), uint32(3))
	f.Add([]byte{}, uint32(0))
	f.Fuzz(func(t *testing.T, payload []byte, kind uint32) {
		payload = payload[:min(len(payload), 1<<14)]
		for name, s := range layouts {
			in := frame{kind & (1<<(8*s.Type.Width) - 1), payload}
			if s.Type.Width == 0 {
				in.kind = s.DataType
			}
			wire := encode(s, in)
			out, err := decodeDatagram(s, wire)
			if err != nil || out.kind != in.kind || !bytes.Equal(out.payload, payload) {
				t.Errorf("%s: datagram %x gives %v, %v", name, wire, out, err)
			}
			if s.Length.Width == 0 {
				continue
			}
			out, n, err := decode(s, append(bytes.Clone(wire), "more"...))
			if err != nil || n != len(wire) || out.kind != in.kind || !bytes.Equal(out.payload, payload) {
				t.Errorf("%s: stream %x gives %v, %d, %v", name, wire, out, n, err)
			}
			if _, n, err := decode(s, wire[:len(wire)-1]); n != 0 || err != nil {
				t.Errorf("%s: a frame without its last octet gives %d, %v", name, n, err)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("STF\x01\x00\x04\x00\x00abcd"))
	f.Fuzz(func(t *testing.T, wire []byte) {
		for _, s := range layouts {
			if s.Length.Width == 0 || s.EtherType.Width != 0 { // the EtherType is not looked at
				continue
			}
			if got, n, err := decode(s, wire); err == nil && n > 0 && !bytes.Equal(encode(s, got), wire[:n]) {
				t.Errorf("%x is read as %+v, which is written otherwise", wire[:n], got)
			}
		}
	})
}

func TestWrongFramesAreErrors(t *testing.T) {
	cstp := layouts["cstp"]
	for name, wire := range map[string]string{
		"wrong constant": "STG\x01\x00\x00\x00\x00",
		"too long":       "STF\x01\x40\x01\x00\x00",
	} {
		if f, n, err := decode(cstp, []byte(wire)); err == nil {
			t.Errorf("%s: %+v, %d", name, f, n)
		}
	}
	for name, wire := range map[string]string{
		"wrong length": "STF\x01\x00\x09\x00\x00x",
		"short":        "STF",
	} {
		if f, err := decodeDatagram(cstp, []byte(wire)); err == nil {
			t.Errorf("%s: %+v", name, f)
		}
	}
}
