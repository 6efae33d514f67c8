package ppp

import (
	"bytes"
	"testing"
)

func TestFormsAreUnderstood(t *testing.T) {
	for want, form := range map[string]Form{
		"\xff\x03\x00\x21": {}, "\x00\x21": {NoAddress: true}, "\x21": {true, true}, "\xff\x03\x21": {ShortProtocol: true},
	} {
		h := make([]byte, form.Size(IPv4))
		if form.Put(h, IPv4); string(h) != want {
			t.Errorf("%+v: %x, want %x", form, h, want)
		}
		protocol, payload, ok := Parse(append(h, 0x45))
		if protocol != IPv4 || !bytes.Equal(payload, []byte{0x45}) || !ok {
			t.Errorf("%+v: read %04x, %x, %t", form, protocol, payload, ok)
		}
	}
	h := make([]byte, Form{true, true}.Size(LCP))
	if (Form{true, true}).Put(h, LCP); string(h) != "\xff\x03\xc0\x21" {
		t.Errorf("LCP begins with %x", h)
	}
}

func TestWhatIsNoFrame(t *testing.T) {
	for _, b := range []string{"", "\xff\x03", "\xff\x03\x00", "\x00", "\x00\x20", "\xc0", "\x00\xff\x01", "\xff\x03\xff\x01", "\xff\x01"} {
		if protocol, _, ok := Parse([]byte(b)); ok {
			t.Errorf("%x is protocol %04x", b, protocol)
		}
	}
}

// What is a frame is one again in every form, and nothing is read beyond the end.
func FuzzParse(f *testing.F) {
	f.Add([]byte("\xff\x03\xc0\x21\x01\x01\x00\x04"), false, false)
	f.Add([]byte("\x21\x45"), true, true)
	f.Fuzz(func(t *testing.T, b []byte, noAddress, short bool) {
		protocol, payload, ok := Parse(b)
		if !ok {
			return
		}
		form := Form{noAddress, short}
		h := make([]byte, form.Size(protocol))
		form.Put(h, protocol)
		again, same, ok := Parse(append(h, payload...))
		if again != protocol || !bytes.Equal(same, payload) || !ok {
			t.Fatalf("%x: %04x %x, and in another form %04x %x", b, protocol, payload, again, same)
		}
	})
}
