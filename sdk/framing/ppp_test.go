package framing

import (
	"bytes"
	"testing"
)

func TestPPPValidate(t *testing.T) {
	long := make([]byte, MaxHeader-3)
	for name, c := range map[string]struct {
		spec Spec
		ok   bool
	}{
		"bare":                    {Spec{PPP: &PPP{}}, true},
		"with types":              {Spec{Header: make([]byte, 4), Type: Field{1, 2}, PPP: &PPP{}}, true},
		"with types of PPP":       {Spec{Header: make([]byte, 4), Type: Field{0, 4}, PPP: &PPP{}}, false},
		"data of a type of PPP":   {Spec{DataType: InPPP | 0x21, PPP: &PPP{}}, false},
		"with an EtherType":       {Spec{Header: make([]byte, 4), EtherType: Field{0, 2}, PPP: &PPP{}}, false},
		"behind a long header":    {Spec{Header: long, PPP: &PPP{}}, false},
		"with a probe":            {Spec{PPP: &PPP{}, Rules: probing(ping(4, 28)).Rules}, false},
		"a question with payload": {Spec{Rules: Rules{Dpd: Dpd{Payload: make([]byte, maxAsk)}}}, true},
		"a long question":         {Spec{Rules: Rules{Dpd: Dpd{Payload: make([]byte, maxAsk+1)}}}, false},
		"two questions":           {Spec{Rules: Rules{Dpd: Dpd{After: 1, Payload: []byte{1}}, Probe: Probe{Packet: ping(4, 28)}}}, false},
		"a reply":                 {Spec{Rules: Rules{Replies: []Reply{{Prefix: []byte{9}, Patch: []Match{{0, []byte{10}}}}}}}, true},
		"a long prefix":           {Spec{Rules: Rules{Replies: []Reply{{Prefix: make([]byte, maxReply+1)}}}}, false},
		"an empty patch":          {Spec{Rules: Rules{Replies: []Reply{{Patch: []Match{{0, nil}}}}}}, false},
		"a patch before":          {Spec{Rules: Rules{Replies: []Reply{{Patch: []Match{{-1, []byte{1}}}}}}}, false},
		"many patches":            {Spec{Rules: Rules{Replies: []Reply{{Patch: make([]Match, maxPatch+1)}}}}, false},
	} {
		if err := c.spec.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: Validate() = %v, want ok=%v", name, err, c.ok)
		}
	}
}

func TestReply(t *testing.T) {
	r := Reply{Match: 7, Prefix: []byte{9}, Patch: []Match{{0, []byte{10}}, {4, []byte("abcd")}}}
	for payload, want := range map[string]string{
		"\x09\x01\x00\x08....":  "\x0a\x01\x00\x08abcd",
		"\x09\x01\x00\x09....!": "\x0a\x01\x00\x09abcd!",
		"\x09\x01\x00\x04":      "",
		"\x08\x01\x00\x08....":  "",
		"":                      "",
	} {
		got, ok := r.To(nil, 7, []byte(payload))
		if string(got) != want || ok != (want != "") {
			t.Errorf("%q: %q, %t, want %q", payload, got, ok, want)
		}
		if _, ok := r.To(nil, 8, []byte(payload)); ok {
			t.Error("another type is answered")
		}
	}
	echo, ok := Reply{Match: 1}.To([]byte("before "), 1, []byte("all"))
	if !ok || !bytes.Equal(echo, []byte("before all")) {
		t.Errorf("%q", echo)
	}
}
