package l2tp

import (
	"bytes"
	"testing"
)

func form(sequence bool) *Form {
	return &Form{Tunnel: 0x0102, Session: 0x0304, OwnTunnel: 0x0506, OwnSession: 0x0708, Sequence: sequence}
}

func TestPut(t *testing.T) {
	for _, test := range []struct {
		sequence bool
		want     []string
	}{
		{false, []string{"\x00\x02\x01\x02\x03\x04", "\x00\x02\x01\x02\x03\x04"}},
		{true, []string{"\x08\x02\x01\x02\x03\x04\x00\x00\x00\x00", "\x08\x02\x01\x02\x03\x04\x00\x01\x00\x00"}},
	} {
		f := form(test.sequence)
		for _, want := range test.want {
			h := bytes.Repeat([]byte{0xee}, f.Size())
			if f.Put(h); string(h) != want {
				t.Errorf("%x, want %x", h, want)
			}
		}
	}
}

// The numbers of a long session begin anew.
func TestNumbersWrap(t *testing.T) {
	f := form(true)
	f.next.Store(0xffff)
	h := make([]byte, f.Size())
	f.Put(h)
	if f.Put(h); h[6] != 0 || h[7] != 0 {
		t.Errorf("the number after 0xffff is %x", h[6:8])
	}
}

func TestParse(t *testing.T) {
	for b, want := range map[string]struct {
		kind    Kind
		payload string
	}{
		"\x00\x02\x05\x06\x07\x08ppp":                                   {Data, "ppp"},
		"\x40\x02\x00\x0b\x05\x06\x07\x08ppp":                           {Data, "ppp"},
		"\x40\x02\x00\x0b\x05\x06\x07\x08ppp and padding":               {Data, "ppp"},
		"\x08\x02\x05\x06\x07\x08\x00\x09\x00\x00ppp":                   {Data, "ppp"},
		"\x02\x02\x05\x06\x07\x08\x00\x00ppp":                           {Data, "ppp"},
		"\x02\x02\x05\x06\x07\x08\x00\x04padsppp":                       {Data, "ppp"},
		"\x4a\x02\x00\x13\x05\x06\x07\x08\x00\x09\x00\x00\x00\x02..ppp": {Data, "ppp"},
		"\x01\x02\x05\x06\x07\x08ppp":                                   {Data, "ppp"}, // priority
		"\xc8\x02\x00\x0c\x05\x06\x00\x00\x00\x00\x00\x00":              {Control, ""},

		"":                                         {Foreign, ""},
		"\x00\x02\x05\x06\x07":                     {Foreign, ""},
		"\x00\x03\x05\x06\x07\x08ppp":              {Foreign, ""}, // version 3
		"\x00\x02\x05\x06\x07\x09ppp":              {Foreign, ""}, // another session
		"\x00\x02\x05\x07\x07\x08ppp":              {Foreign, ""}, // another tunnel
		"\x40\x02\x00\x0c\x05\x06\x07\x08ppp":      {Foreign, ""}, // longer than it is
		"\x40\x02\x00\x07\x05\x06\x07\x08ppp":      {Foreign, ""}, // shorter than its header
		"\x08\x02\x05\x06\x07\x08\x00\x09":         {Foreign, ""}, // without the numbers
		"\x02\x02\x05\x06\x07\x08\x00":             {Foreign, ""},
		"\x02\x02\x05\x06\x07\x08\x00\x04pad":      {Foreign, ""},
		"\x40\x02\x00\x0b\x05\x06":                 {Foreign, ""},
		"\x08\x02\x05\x06\x07\x08\x00\x09\x00\x00": {Data, ""},
	} {
		if kind, payload := form(false).Parse([]byte(b)); kind != want.kind || string(payload) != want.payload {
			t.Errorf("%x: %d, %q, want %d, %q", b, kind, payload, want.kind, want.payload)
		}
	}
}

// What is put in front is taken off again, and nothing is read that is not there.
func FuzzParse(f *testing.F) {
	f.Add([]byte("\x4a\x02\x00\x13\x05\x06\x07\x08\x00\x09\x00\x00\x00\x02..ppp"))
	f.Add([]byte("\x08\x02\x05\x06\x07\x08\x00\x09\x00\x00ppp"))
	f.Fuzz(func(t *testing.T, b []byte) {
		x := form(true)
		kind, payload := x.Parse(b[:len(b):len(b)])
		if kind != Data {
			return
		}
		again := make([]byte, x.Size())
		(&Form{Tunnel: x.OwnTunnel, Session: x.OwnSession, Sequence: true}).Put(again)
		if kind, same := x.Parse(append(again, payload...)); kind != Data || !bytes.Equal(same, payload) {
			t.Fatalf("%x: %q became %d, %q", b, payload, kind, same)
		}
	})
}
