package frame

import (
	"bytes"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Layouts as protocols have them.
var (
	cstp = framing.Spec{
		Header: []byte{'S', 'T', 'F', 1, 0, 0, 0, 0}, Length: framing.Field{Offset: 4, Width: 2},
		Type: framing.Field{Offset: 6, Width: 1}, MaxPayload: 16384,
	}
	dtls     = framing.Spec{Header: []byte{0}, Type: framing.Field{Offset: 0, Width: 1}, MaxPayload: 16384}
	counting = framing.Spec{ // the length counts the header in
		Header: make([]byte, 6), Length: framing.Field{Offset: 0, Width: 2}, LengthAdds: 6, MaxPayload: 2000,
	}
	wide = framing.Spec{
		Header: make([]byte, 12), Length: framing.Field{Offset: 8, Width: 4}, Type: framing.Field{Offset: 0, Width: 4},
		DataType: 0x01020304,
	}
)

func codec(t testing.TB, s framing.Spec) *Codec {
	t.Helper()
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sealed returns a whole frame.
func sealed(t testing.TB, c *Codec, typ uint32, payload []byte) []byte {
	t.Helper()
	buf := append(make([]byte, framing.MaxHeader), payload...)
	if err := c.Seal(buf, framing.MaxHeader, typ); err != nil {
		t.Fatal(err)
	}
	return buf[framing.MaxHeader-c.HeaderLenOf(typ):]
}

func TestSealWritesTheWireFormat(t *testing.T) {
	cases := map[string]struct {
		spec framing.Spec
		typ  uint32
		want string
	}{
		"cstp data":     {cstp, 0, "STF\x01\x00\x03\x00\x00abc"},
		"cstp dpd":      {cstp, 3, "STF\x01\x00\x03\x03\x00abc"},
		"dtls":          {dtls, 7, "\x07abc"},
		"counts header": {counting, 0, "\x00\x09\x00\x00\x00\x00abc"},
		"wide":          {wide, 0x01020304, "\x01\x02\x03\x04\x00\x00\x00\x00\x00\x00\x00\x03abc"},
		"identity":      {framing.Spec{}, 0, "abc"},
	}
	for name, c := range cases {
		if got := string(sealed(t, codec(t, c.spec), c.typ, []byte("abc"))); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSealRefusesWhatDoesNotFit(t *testing.T) {
	narrow := framing.Spec{Header: make([]byte, 2), Length: framing.Field{Offset: 0, Width: 1}, Type: framing.Field{Offset: 1, Width: 1}}
	c := codec(t, narrow)
	if err := c.Seal(make([]byte, 2+256), 2, 0); err == nil {
		t.Error("256 bytes do not fit a length of one byte")
	}
	if err := c.Seal(make([]byte, 2), 2, 256); err == nil {
		t.Error("type 256 does not fit one byte")
	}
	if err := c.Seal(make([]byte, 2+255), 2, 255); err != nil {
		t.Error(err)
	}
}

// The EtherType is the packet's, and other frames have none.
func TestEtherType(t *testing.T) {
	c := codec(t, framing.Spec{
		Header: []byte{0xaa, 0, 0, 0, 0, 0}, EtherType: framing.Field{Offset: 1, Width: 2},
		Length: framing.Field{Offset: 3, Width: 2}, Type: framing.Field{Offset: 5, Width: 1}, DataType: 1,
	})
	for want, frame := range map[string]struct {
		typ     uint32
		payload string
	}{
		"\xaa\x08\x00\x00\x02\x01\x45\x00": {1, "\x45\x00"},
		"\xaa\x86\xdd\x00\x02\x01\x60\x00": {1, "\x60\x00"},
		"\xaa\x00\x00\x00\x02\x00\x45\x00": {0, "\x45\x00"},
		"\xaa\x00\x00\x00\x00\x01":         {1, ""},
	} {
		got := sealed(t, c, frame.typ, []byte(frame.payload))
		if string(got) != want {
			t.Errorf("%x, want %x", got, want)
		}
		if f, n, err := c.Cut(got); err != nil || n != len(got) || f.Type != frame.typ {
			t.Errorf("%x: %+v, %d, %v", got, f, n, err)
		}
	}
	if _, err := New(framing.Spec{Header: make([]byte, 2), EtherType: framing.Field{Width: 1}}); err == nil {
		t.Error("an EtherType of one byte was accepted")
	}
}

func TestNewRefusesOverlappingFields(t *testing.T) {
	_, err := New(framing.Spec{Header: make([]byte, 4), Length: framing.Field{Offset: 0, Width: 2}, Type: framing.Field{Offset: 1, Width: 1}})
	if err == nil || !strings.Contains(err.Error(), "overlap") {
		t.Errorf("err = %v", err)
	}
	if _, err := New(framing.Spec{MaxPayload: -1}); err == nil {
		t.Error("an invalid spec was accepted")
	}
	if _, err := NewCutter(codec(t, dtls)); err == nil {
		t.Error("a stream cannot be cut without a length")
	}
}

func TestCutRefusesLies(t *testing.T) {
	cases := map[string]struct {
		spec  framing.Spec
		bytes string
	}{
		"other protocol":        {cstp, "HTTP/1.1"},
		"constant byte after":   {cstp, "STF\x01\x00\x00\x00\x01"},
		"longer than allowed":   {cstp, "STF\x01\x40\x01\x00\x00"},
		"shorter than a header": {counting, "\x00\x05\x00\x00\x00\x00"},
		"4 GiB":                 {wide, "\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff"},
	}
	for name, c := range cases {
		k, err := NewCutter(codec(t, c.spec))
		if err != nil {
			t.Fatal(err)
		}
		k.Fill(copy(k.Space(), c.bytes))
		for range 2 {
			if f, ok, err := k.Next(); err == nil {
				t.Errorf("%s: frame %v, ok %v, no error", name, f, ok)
			}
		}
	}
}

func TestCutAtEveryByte(t *testing.T) {
	c := codec(t, cstp)
	stream := append(sealed(t, c, 0, []byte("first")), sealed(t, c, 3, nil)...)
	stream = append(stream, sealed(t, c, 0, bytes.Repeat([]byte("x"), 300))...)
	for cut := range stream {
		k, err := NewCutter(c)
		if err != nil {
			t.Fatal(err)
		}
		var got []byte
		for _, part := range [][]byte{stream[:cut], stream[cut:]} {
			k.Fill(copy(k.Space(), part))
			for f, ok, err := k.Next(); ok || err != nil; f, ok, err = k.Next() {
				if err != nil {
					t.Fatalf("cut at %d: %v", cut, err)
				}
				got = append(got, sealed(t, c, f.Type, f.Payload)...)
			}
		}
		if !bytes.Equal(got, stream) || k.Pending() != 0 {
			t.Fatalf("cut at %d: %d of %d bytes, %d pending", cut, len(got), len(stream), k.Pending())
		}
	}
}

func TestSpaceIsNeverEmpty(t *testing.T) {
	c := codec(t, wide)
	k, err := NewCutter(c)
	if err != nil {
		t.Fatal(err)
	}
	frame := sealed(t, c, 1, make([]byte, framing.MaxFrame))
	for sent, cutN := 0, 0; cutN < 20; {
		space := k.Space()
		if len(space) == 0 {
			t.Fatal("no space")
		}
		n := copy(space[:min(len(space), 50_000)], frame[sent:])
		k.Fill(n)
		sent = (sent + n) % len(frame)
		for _, ok, err := k.Next(); ok; _, ok, err = k.Next() {
			if err != nil {
				t.Fatal(err)
			}
			cutN++
		}
	}
}

func TestDatagram(t *testing.T) {
	f, err := codec(t, dtls).Datagram([]byte("\x04pong"))
	if err != nil || f.Type != 4 || string(f.Payload) != "pong" {
		t.Errorf("%v %v", f, err)
	}
	if f, err := codec(t, framing.Spec{}).Datagram([]byte("bare")); err != nil || string(f.Payload) != "bare" {
		t.Errorf("identity: %v %v", f, err)
	}
	bad := map[string]struct {
		spec framing.Spec
		d    string
	}{
		"empty":           {dtls, ""},
		"length too long": {counting, "\x00\x0a\x00\x00\x00\x00abc"},
		"length short":    {counting, "\x00\x08\x00\x00\x00\x00abc"},
		"over the limit":  {framing.Spec{MaxPayload: 2}, "abc"},
	}
	for name, c := range bad {
		if f, err := codec(t, c.spec).Datagram([]byte(c.d)); err == nil {
			t.Errorf("%s: %v", name, f)
		}
	}
}
