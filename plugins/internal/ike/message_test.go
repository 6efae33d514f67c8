package ike

import (
	"bytes"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

// every holds one payload of each type with every field set.
func every() []Payload {
	return []Payload{
		&SA{[]Proposal{
			{1, ProtocolIKE, []byte{}, []Transform{{Encryption, 20, 256, false}, {PRF, 5, 0, false}, {KeyExchange, 31, 0, false}}},
			{2, ProtocolESP, []byte{1, 2, 3, 4}, []Transform{{Encryption, 12, 128, false}, {Integrity, 12, 0, false}, {SequenceSizes, 0, 0, false}}},
		}},
		&KE{31, bytes.Repeat([]byte{7}, 32)},
		&ID{false, IDFQDN, []byte("alice.example")},
		&ID{true, IDIPv4, []byte{10, 0, 0, 1}},
		&Cert{X509, []byte("certificate")},
		&CertRequest{X509, bytes.Repeat([]byte{9}, 40)},
		&AuthData{AuthSharedKey, []byte("proof")},
		Nonce(bytes.Repeat([]byte{5}, 32)),
		&Notify{ProtocolESP, RekeySA, []byte{1, 2, 3, 4}, []byte("data")},
		&Delete{ProtocolESP, []uint32{0x01020304, 0x05060708}},
		&Delete{Protocol: ProtocolIKE},
		Vendor("vendor"),
		&TS{false, Everything()},
		&TS{true, []Selector{{17, 53, 53, netip.MustParseAddr("10.0.0.0"), netip.MustParseAddr("10.0.0.255")}}},
		&Config{ConfigReply, []Attribute{{InternalIP4Address, []byte{10, 0, 0, 7}}, {InternalIP4DNS, []byte{}}}},
		EAP("\x01\x02\x00\x05\x01"),
		&Unknown{200, true, []byte("later")},
	}
}

func TestRoundTrip(t *testing.T) {
	h := Header{Initiator: SPI{1, 2, 3}, Responder: SPI{4}, Exchange: Auth, FromInitiator: true, Response: true, MessageID: 77}
	wire := Append(nil, h, every())
	m, err := Parse(wire)
	if err != nil {
		t.Fatal(err)
	}
	if m.Header != h {
		t.Errorf("header %+v, want %+v", m.Header, h)
	}
	if !reflect.DeepEqual(m.Payloads, every()) {
		t.Errorf("payloads\n%+v, want\n%+v", m.Payloads, every())
	}
	if again := Append(nil, m.Header, m.Payloads); !bytes.Equal(again, wire) {
		t.Errorf("appended again: %x, want %x", again, wire)
	}
}

func TestSealed(t *testing.T) {
	for _, s := range []Sealed{{Inner: TypeIDi}, {Inner: TypeIDi, Number: 1, Of: 3}, {Number: 3, Of: 3}} {
		wire := AppendSealed(nil, Header{Exchange: Auth}, s, 40)
		m, err := Parse(wire)
		if err != nil {
			t.Fatal(err)
		}
		s.BodyAt = len(wire) - 40
		if m.Sealed == nil || *m.Sealed != s || len(m.Payloads) != 0 {
			t.Errorf("%+v, want %+v", m.Sealed, s)
		}
	}
}

// What a stranger could send to break things.
func TestMalformed(t *testing.T) {
	good := Append(nil, Header{Exchange: SAInit}, every())
	change := func(at int, value byte) []byte {
		b := bytes.Clone(good)
		b[at] = value
		return b
	}
	for name, b := range map[string][]byte{
		"empty": {}, "half a header": good[:20], "one byte less": good[:len(good)-1], "one byte more": append(bytes.Clone(good), 0),
		"version 1": change(17, 0x10), "first payload of length 0": change(31, 0), "a payload behind the last": change(16, 0),
		"a fragment of none": AppendSealed(nil, Header{}, Sealed{Number: 4, Of: 3}, 10),
		"sealed inside":      Append(nil, Header{}, []Payload{Vendor("x"), &Unknown{TypeEncrypted, false, []byte("x")}}),
		"proposals cut":      Append(nil, Header{}, []Payload{&Unknown{TypeSA, false, []byte{2, 0, 0, 8, 1, 1, 0, 0}}}),
		"no proposal":        Append(nil, Header{}, []Payload{&SA{}}),
		"short nonce":        Append(nil, Header{}, []Payload{Nonce("short")}),
		"SPIs that lack":     Append(nil, Header{}, []Payload{&Unknown{TypeDelete, false, []byte{3, 4, 0, 2, 1, 2, 3, 4}}}),
		"range backwards": Append(nil, Header{}, []Payload{&TS{false, []Selector{
			{0, 0, 65535, netip.MustParseAddr("10.0.0.2"), netip.MustParseAddr("10.0.0.1")}}}}),
	} {
		if m, err := Parse(b); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	many := make([]Payload, maxPayloads+1)
	for i := range many {
		many[i] = Vendor("x")
	}
	if _, err := Parse(Append(nil, Header{}, many)); !errors.Is(err, ErrMalformed) {
		t.Errorf("%d payloads: %v", len(many), err)
	}
}

// A transform with an attribute that nobody knows is kept, and marked.
func TestStrangeTransform(t *testing.T) {
	body := []byte{0, 0, 0, 24, 1, 1, 0, 1, 0, 0, 0, 16, 1, 0, 0, 20, 0x80, 14, 1, 0, 0x80, 99, 0, 1}
	s, err := parseSA(body)
	if err != nil {
		t.Fatal(err)
	}
	if want := (Transform{Encryption, 20, 256, true}); s.Proposals[0].Transforms[0] != want {
		t.Errorf("%+v, want %+v", s.Proposals[0].Transforms[0], want)
	}
}

func TestChosen(t *testing.T) {
	p := Proposal{Transforms: []Transform{{Type: PRF, ID: 5}, {Type: KeyExchange, ID: 14}, {Type: KeyExchange, ID: 31}}}
	if x, ok := p.Chosen(PRF); !ok || x.ID != 5 {
		t.Errorf("PRF %+v %v", x, ok)
	}
	for _, kind := range []TransformType{KeyExchange, Encryption} {
		if x, ok := p.Chosen(kind); ok {
			t.Errorf("type %d: %+v is no choice", kind, x)
		}
	}
}

func TestDescribe(t *testing.T) {
	var all []string
	for _, p := range every() {
		all = append(all, Describe(p))
	}
	want := `SA: [1 IKE: AES_GCM_16_256 PRF_HMAC_SHA2_256 CURVE25519] [2 ESP 01020304: AES_CBC_128 HMAC_SHA2_256_128 NO_ESN]
KE: CURVE25519, 32 bytes
IDi: "alice.example"
IDr: 10.0.0.1
CERT: encoding 4, 11 bytes, unreadable
CERTREQ: encoding 4, 2 authorities
AUTH: shared key, 5 bytes
Nonce: 32 bytes
N(REKEY_SA): ESP 01020304, 4 bytes
D: ESP 01020304 05060708
D: IKE
V: "vendor"
TSi: 0.0.0.0-255.255.255.255 ::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
TSr: 10.0.0.0-10.0.0.255 protocol 17 ports 53-53
CP: REPLY INTERNAL_IP4_ADDRESS=10.0.0.7 INTERNAL_IP4_DNS
EAP: request 2 Identity, 5 bytes
payload 200: 5 bytes`
	if got := strings.Join(all, "\n"); got != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	if got, want := Describe(&Notify{Kind: InvalidKEPayload, Data: []byte{0, 36}}), "N(INVALID_KE_PAYLOAD): ML_KEM_768"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, secret := range []Payload{EAP("\x02\x02\x00\x0b\x06secret"), &AuthData{AuthSharedKey, []byte("secret")}, &KE{31, []byte("secret")},
		&Notify{Kind: Cookie, Data: []byte("secret")}, &Config{ConfigReply, []Attribute{{Kind: 30000, Value: []byte("secret")}}}} {
		if words := Describe(secret); strings.Contains(words, "secret") || strings.Contains(words, "736563") {
			t.Errorf("a secret is told: %s", words)
		}
	}
}

// What parses must be written as it was read, and read again as the same.
func FuzzParse(f *testing.F) {
	f.Add(Append(nil, Header{Exchange: SAInit, FromInitiator: true}, every()))
	for _, p := range every() {
		f.Add(Append(nil, Header{Exchange: Auth}, []Payload{p}))
	}
	f.Add(AppendSealed(nil, Header{Exchange: Informational}, Sealed{Inner: TypeDelete, Number: 1, Of: 2}, 50))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil || m.Sealed != nil {
			return
		}
		wire := Append(nil, m.Header, m.Payloads)
		again, err := Parse(wire)
		if err != nil {
			t.Fatalf("%x parses and its copy %x does not: %v", b, wire, err)
		}
		if twice := Append(nil, again.Header, again.Payloads); !bytes.Equal(twice, wire) {
			t.Fatalf("%x, then %x", wire, twice)
		}
		for _, p := range m.Payloads {
			if words := Describe(p); len(words) > 8*maxWords || strings.ContainsFunc(words, func(r rune) bool { return r < ' ' || r > '~' }) {
				t.Fatalf("%d characters, %q, about %x", len(words), words, b)
			}
		}
	})
}
