package ike1

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// What is written is what is read again.
func TestRoundTrips(t *testing.T) {
	proposals := []Proposal{{Number: 1, Protocol: ProtocolESP, SPI: []byte{1, 2, 3, 4}, Transforms: []Transform{
		{Number: 1, ID: 12, Attributes: []Attribute{Basic(6, 256), {Type: 2, Value: []byte{0, 1, 0, 0}}}}, {Number: 2, ID: 3, Attributes: []Attribute{Basic(5, 2)}}}},
		{Number: 2, Protocol: ProtocolIKE, SPI: []byte{}, Transforms: []Transform{{Number: 1, ID: 1}}}}
	if got, err := ParseSA(SA(proposals).Body); err != nil || !reflect.DeepEqual(got, proposals) {
		t.Errorf("%+v, %v", got, err)
	}
	id := ID{ike.ID{Kind: ike.IDIPv4, Data: []byte{10, 0, 0, 1}}, 17, 1701}
	if got, err := ParseID(id.Payload().Body); err != nil || !reflect.DeepEqual(got, id) {
		t.Errorf("%+v, %v", got, err)
	}
	n := Notify{Protocol: ProtocolIKE, Kind: DPDRequest, SPI: make([]byte, 16), Data: []byte{0, 0, 0, 9}}
	if got, err := ParseNotify(n.Payload().Body); err != nil || !reflect.DeepEqual(got, n) {
		t.Errorf("%+v, %v", got, err)
	}
	d := Delete{Protocol: ProtocolESP, SPIs: [][]byte{{1, 2, 3, 4}, {5, 6, 7, 8}}}
	if got, err := ParseDelete(d.Payload().Body); err != nil || !reflect.DeepEqual(got, d) {
		t.Errorf("%+v, %v", got, err)
	}
	c := Config{Kind: ConfigSet, ID: 9, Attributes: []Attribute{Basic(XAuthStatus, 1), {Type: XAuthMessage, Value: []byte("Hello")}}}
	if got, err := ParseConfig(c.Payload().Body); err != nil || !reflect.DeepEqual(got, c) {
		t.Errorf("%+v, %v", got, err)
	}
	if chain := Chain([]Payload{Cert([]byte{1}), CertReq(), Cert([]byte{2})}); !reflect.DeepEqual(chain, [][]byte{{1}, {2}}) {
		t.Errorf("%v", chain)
	}
}

// A message in pieces is the same once they are together, in whatever order they come.
func TestPieces(t *testing.T) {
	h := Header{Initiator: Cookie{1}, Responder: Cookie{2}, Exchange: Main, Encrypted: true}
	m := Message{Header: h, First: TypeHash, Body: bytes.Repeat([]byte{7}, 3000)}
	whole := m.Append(nil)
	datagrams := InPieces(h, 5, whole, 576)
	var pieces ike.Pieces
	for i := range datagrams {
		d := datagrams[len(datagrams)-1-i]
		msg, err := Parse(d)
		if err != nil || len(d) > 576 || msg.Encrypted {
			t.Fatalf("%d bytes, %+v, %v", len(d), msg, err)
		}
		p, _, err := ParsePayloads(msg.First, msg.Body)
		if err != nil {
			t.Fatal(err)
		}
		piece, err := ParsePiece(p[0].Body)
		if err != nil {
			t.Fatal(err)
		}
		if got := pieces.Add(ike.Header{}, piece); (got != nil) != (i == len(datagrams)-1) || got != nil && !bytes.Equal(got, whole) {
			t.Fatalf("piece %d makes %d bytes", i, len(got))
		}
	}
	if len(InPieces(h, 6, whole, 5000)) != 1 {
		t.Error("a message that fits is cut")
	}
}

func TestVendors(t *testing.T) {
	for name, v := range map[string]*Vendor{"4a131c81070358455c5728f20e95452f": VendorNAT, "7d9419a65310ca6f2c179d9215529d56": VendorNATDraft3,
		"90cb80913ebb696e086381b5ec427b1f": VendorNATDraft2, "cd60464335df21f87cfdb2fc68b6a448": VendorNATOlder2, "4048b7d56ebce88525e7de7f00d6c2d3": VendorPieces,
		"4048b7d56ebce88525e7de7f00d6c2d3c0000000": VendorPieces, "afcad71368a1f1c96b8696fc77570100": VendorDPD, "12f5f28c457168a9702d9fe274cc0204": VendorUnity,
		"09002689dfd6b712": VendorXAuth} {
		b, err := hex.DecodeString(name)
		if err != nil || !v.In([]Payload{{TypeVendor, []byte("other")}, {TypeVendor, b}}) {
			t.Errorf("%s is not %s", name, v.Name)
		}
	}
}

// Secrets and proofs are not told of.
func TestWords(t *testing.T) {
	c := Config{Kind: ConfigReply, Attributes: []Attribute{{Type: XAuthPassword, Value: []byte("secret1")}, {Type: InternalIP4Address, Value: []byte{10, 0, 0, 1}}}}
	words := Describe(c.Payload()) + Describe(Payload{TypeHash, []byte("secret1")})
	if hidden := hex.EncodeToString([]byte("secret1")); strings.Contains(words, hidden) || strings.Contains(words, "secret1") || !strings.Contains(words, "0a000001") {
		t.Error(words)
	}
}

// recorded are datagrams of strongSwan.
func recorded(f *testing.F) (all [][]byte) {
	files, err := filepath.Glob("machine/testdata/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("%d transcripts, %v", len(files), err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			if b, err := hex.DecodeString(strings.TrimSpace(line[2:])); err == nil && (line[0] == '<' || line[0] == '>') {
				all = append(all, b)
			}
		}
	}
	return all
}

func FuzzMessage(f *testing.F) {
	for _, b := range recorded(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		again, err := Parse(m.Append(nil))
		if err != nil || !reflect.DeepEqual(m, again) {
			t.Fatalf("%+v and %+v, %v", m, again, err)
		}
		p, rest, err := ParsePayloads(m.First, m.Body)
		if err != nil {
			return
		}
		if all := AppendPayloads(nil, p); len(all)+len(rest) != len(m.Body) {
			t.Fatalf("%d and %d bytes of %d", len(all), len(rest), len(m.Body))
		}
		for _, one := range p {
			Describe(one)
		}
	})
}

// FuzzPayload has every parser read every body.
func FuzzPayload(f *testing.F) {
	for _, b := range recorded(f) {
		if m, err := Parse(b); err == nil && !m.Encrypted {
			p, _, _ := ParsePayloads(m.First, m.Body)
			for _, one := range p {
				f.Add(one.Body)
			}
		}
	}
	f.Add(Config{Kind: ConfigSet, ID: 9, Attributes: []Attribute{Basic(XAuthStatus, 1), {Type: XAuthMessage, Value: []byte("Hello")}}}.Payload().Body)
	f.Add(Delete{Protocol: ProtocolESP, SPIs: [][]byte{{1, 2, 3, 4}}}.Payload().Body)
	f.Add([]byte{0, 1, 1, 1, 'x'})
	f.Fuzz(func(t *testing.T, b []byte) {
		if all, err := ParseSA(b); err == nil {
			if again, err := ParseSA(SA(all).Body); err != nil || !reflect.DeepEqual(all, again) {
				t.Fatalf("%+v and %+v, %v", all, again, err)
			}
		}
		if id, err := ParseID(b); err == nil && !bytes.Equal(id.Payload().Body, b) {
			t.Fatalf("%+v", id)
		}
		if n, err := ParseNotify(b); err == nil {
			if again, err := ParseNotify(n.Payload().Body); err != nil || !reflect.DeepEqual(n, again) {
				t.Fatalf("%+v and %+v, %v", n, again, err)
			}
			_, _ = n.Attributes()
		}
		if d, err := ParseDelete(b); err == nil {
			if again, err := ParseDelete(d.Payload().Body); len(d.SPIs) > 0 && (err != nil || !reflect.DeepEqual(d, again)) {
				t.Fatalf("%+v and %+v, %v", d, again, err)
			}
		}
		if c, err := ParseConfig(b); err == nil {
			if again, err := ParseConfig(c.Payload().Body); err != nil || !reflect.DeepEqual(c, again) {
				t.Fatalf("%+v and %+v, %v", c, again, err)
			}
		}
		if p, err := ParsePiece(b); err == nil && p.Number == 0 {
			t.Fatal("a piece without a number")
		}
	})
}
