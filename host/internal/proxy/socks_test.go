package proxy

import (
	"bytes"
	"net/netip"
	"testing"
)

func TestRequests(t *testing.T) {
	for _, test := range []struct {
		in      string
		command byte
		host    string
		port    uint16
		fails   bool
	}{
		{"\x05\x01\x00\x01\x0a\x09\x00\x01\x00\x50", 1, "10.9.0.1", 80, false},
		{"\x05\x01\x00\x03\x0bexample.com\x01\xbb", 1, "example.com", 443, false},
		{"\x05\x03\x00\x04\xfd\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x35", 3, "fd09::1", 53, false},
		{"\x05\x01\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x0a\x09\x00\x01\x00\x35", 1, "10.9.0.1", 53, false},
		{"\x04\x01\x00\x01\x0a\x09\x00\x01\x00\x50", 0, "", 0, true},
		{"\x05\x01\x00\x02\x0a\x09\x00\x01\x00\x50", 1, "", 0, true},
		{"\x05\x01\x00\x03\x0bexample", 1, "", 0, true},
		{"\x05\x01", 0, "", 0, true},
	} {
		command, to, err := readRequest(bytes.NewReader([]byte(test.in)))
		if (err != nil) != test.fails || !test.fails && (command != test.command || to.host != test.host || to.port != test.port) {
			t.Errorf("%q: %d %+v %v", test.in, command, to, err)
		}
	}
}

func TestPasswords(t *testing.T) {
	user, password, err := readPassword(bytes.NewReader([]byte("\x01\x03bob\x04open")))
	if err != nil || string(user) != "bob" || string(password) != "open" {
		t.Errorf("%q %q %v", user, password, err)
	}
	for _, in := range []string{"", "\x02\x03bob\x04open", "\x01\x03bob\x04ope", "\x01\x03bo"} {
		if _, _, err := readPassword(bytes.NewReader([]byte(in))); err == nil {
			t.Errorf("%q is understood", in)
		}
	}
}

func TestDatagramHeaders(t *testing.T) {
	to, payload, ok := parseDatagram([]byte("\x00\x00\x00\x01\x0a\x09\x00\x01\x00\x35data"))
	if !ok || to.host != "10.9.0.1" || to.port != 53 || string(payload) != "data" {
		t.Errorf("%+v %q %t", to, payload, ok)
	}
	for name, in := range map[string]string{
		"a fragment": "\x00\x00\x01\x01\x0a\x09\x00\x01\x00\x35data", "no port": "\x00\x00\x00\x01\x0a\x09\x00\x01\x00\x00data",
		"cut": "\x00\x00\x00\x01\x0a", "empty": "",
	} {
		if _, _, ok := parseDatagram([]byte(in)); ok {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add([]byte("\x05\x01\x00\x03\x0bexample.com\x01\xbb"))
	f.Add([]byte("\x01\x03bob\x04open"))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := bytes.NewReader(b)
		if _, to, err := readRequest(r); err == nil && (len(to.host) > 255 || len(b)-r.Len() > 262) {
			t.Errorf("%d bytes were read for %+v", len(b)-r.Len(), to)
		}
		r.Reset(b)
		if user, password, err := readPassword(r); err == nil && len(user)+len(password)+3 != len(b)-r.Len() {
			t.Errorf("%q and %q of %x", user, password, b)
		}
		r.Reset(b)
		if methods, err := readMethods(r); err == nil && len(methods) != len(b)-r.Len()-1 {
			t.Errorf("%x of %x", methods, b)
		}
	})
}

func FuzzParseDatagram(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x01\x0a\x09\x00\x01\x00\x35data"))
	f.Fuzz(func(t *testing.T, b []byte) {
		to, payload, ok := parseDatagram(b)
		if !ok {
			return
		}
		a, err := netip.ParseAddr(to.host)
		if err != nil {
			return
		}
		again := append(appendAddress([]byte{0, 0, 0}, netip.AddrPortFrom(a, to.port)), payload...)
		if back, rest, ok := parseDatagram(again); !ok || back != to || !bytes.Equal(rest, payload) {
			t.Errorf("%x became %x", b, again)
		}
	})
}
