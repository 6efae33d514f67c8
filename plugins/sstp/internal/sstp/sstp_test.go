package sstp

import (
	"bytes"
	"encoding/hex"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// The MACs are Python's: hmac and hashlib, by the text of [MS-SSTP] 3.2.5.2.
func TestBinding(t *testing.T) {
	var key [KeySize]byte
	c := Challenge{}
	for i := range c.Nonce {
		c.Nonce[i], key[i] = byte(i), byte(100+i)
	}
	for hashes, want := range map[byte]string{
		1: "b6ff78694027936b5735cec0158062c709094caa",
		2: "7fbe4a04fcea5edab0d6398728a8a6b694fc153e985a03a22ae4dcb0e35baf04",
		3: "7fbe4a04fcea5edab0d6398728a8a6b694fc153e985a03a22ae4dcb0e35baf04",
	} {
		c.Hashes = hashes
		m := c.Connected([]byte("certificate"), key)
		v, _ := m.value(CryptoBinding)
		got := hex.EncodeToString(bytes.TrimRight(v[68:], "\x00"))
		if got != want || m.Type != CallConnected || len(v) != bindingSize || !bytes.Equal(v[4:36], c.Nonce[:]) {
			t.Errorf("hashes %d: %x, MAC %s, want %s", hashes, v, got, want)
		}
	}
}

func TestChallengesThatAreNone(t *testing.T) {
	for name, m := range map[string]Message{
		"nothing":        {Type: CallConnectAck},
		"short":          {CallConnectAck, []Attribute{{CryptoBindingRequest, make([]byte, 20)}}},
		"unknown hashes": {CallConnectAck, []Attribute{{CryptoBindingRequest, append([]byte{0, 0, 0, 4}, make([]byte, 32)...)}}},
	} {
		if _, err := m.Challenge(); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestRequestIsThatOfTheSpecification(t *testing.T) {
	got := hex.EncodeToString(Packet{true, Request().Append(nil)}.Append(nil))
	if want := "1001000e00010001000100060001"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestReasonsInWords(t *testing.T) {
	for value, want := range map[string]string{
		"\x00\x00\x00\x04\x00\x00\x00\x04": "a value is not supported", "\x00\x00\x00\x00\x00\x00\x00\x63": "status 0x63",
		"\x00\x00\x00\x00\x00\x00\x00\x00": "", "\x00": "",
	} {
		m := Message{CallConnectNak, []Attribute{{StatusInfo, []byte(value)}}}
		if got := m.Reason(); got != want {
			t.Errorf("%x: %q, want %q", value, got, want)
		}
	}
}

func TestFramingIsValid(t *testing.T) {
	if err := Framing(20*time.Second, framing.Reply{}, framing.PPP{}).Validate(); err != nil {
		t.Error(err)
	}
}

// Echoes of both kinds are answered by the rules.
func TestEchoes(t *testing.T) {
	other := framing.Reply{Match: framing.InPPP, With: framing.InPPP, Patch: []framing.Match{{Value: []byte("!")}}}
	for _, test := range []struct {
		kind      uint32
		asked, is string
	}{
		{TypeControl, "\x00\x08\x00\x00", "\x00\x09\x00\x00"},
		{framing.InPPP, "?", "!"},
		{TypeControl, "\x00\x06\x00\x00", ""},
	} {
		answered := ""
		for _, r := range Framing(time.Minute, other, framing.PPP{}).Rules.Replies {
			if b, ok := r.To(nil, test.kind, []byte(test.asked)); ok {
				answered = string(b)
				break
			}
		}
		if answered != test.is {
			t.Errorf("%x: answered %x, want %x", test.asked, answered, test.is)
		}
	}
}

func FuzzCut(f *testing.F) {
	f.Add([]byte("\x10\x01\x00\x0e\x00\x01\x00\x01\x00\x01\x00\x06\x00\x01"))
	f.Add([]byte("\x10\x00\x00\x08\xff\x03\xc0\x21"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, n, err := Cut(b)
		if n == 0 || err != nil {
			return
		}
		again, m, err := Cut(p.Append(nil))
		if m != n || err != nil || again.Control != p.Control || !bytes.Equal(again.Payload, p.Payload) {
			t.Fatalf("%x: %+v became %+v, %v", b[:n], p, again, err)
		}
	})
}

func FuzzMessage(f *testing.F) {
	f.Add([]byte("\x00\x02\x00\x01\x00\x04\x00\x28\x00\x00\x00\x03" + string(make([]byte, 32))))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage(b)
		if err != nil {
			return
		}
		_ = m.Reason()
		_, _ = m.Challenge()
		again, err := ParseMessage(m.Append(nil))
		if err != nil || again.Type != m.Type || len(again.Attributes) != len(m.Attributes) {
			t.Fatalf("%x: %+v became %+v, %v", b, m, again, err)
		}
	})
}
