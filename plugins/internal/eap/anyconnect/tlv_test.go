package anyconnect

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"math/big"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
)

// An EAP response, field by field: code, id, length, type 254, vendor 9, the method's
// number, then parts with 16 bits each of type and length.
func TestMessageOnTheWire(t *testing.T) {
	m := Message{VendorType: VendorType, Parts: []TLV{{Certificates, []byte("chain")}, {Signature, []byte("sig")}, {XML, []byte("<a/>")}}}
	data, err := m.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	got := hex.EncodeToString(eap.Packet{Code: eap.Response, ID: 7, Type: eap.TypeExpanded, Data: data}.Append(nil))
	want := "02" + "07" + "0024" + "fe" + "000009" + "44425250" +
		"0003" + "0005" + "636861696e" + "0001" + "0003" + "736967" + "0000" + "0004" + "3c612f3e"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	back, err := ParseMessage(data)
	if err != nil || back.VendorType != VendorType || len(back.Parts) != 3 || string(back.Part(XML)) != "<a/>" || string(back.Part(Signature)) != "sig" || back.Part(9) != nil {
		t.Errorf("read %+v, %v", back, err)
	}
}

func TestMessagesThatMakeNoSense(t *testing.T) {
	head := "00000944425250"
	for name, text := range map[string]string{
		"empty": "", "half a header": "0000094442", "another vendor": "00137044425250",
		"half a part": head + "0000", "a part that is too long": head + "0000ffff3c", "a byte too many": head + "000000013c00",
		"many parts": head + hex.EncodeToString(make([]byte, 4*(maxParts+1))),
	} {
		b, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if m, err := ParseMessage(b); !errors.Is(err, eap.ErrMalformed) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
	for _, parts := range [][]TLV{{{XML, make([]byte, 1<<16)}}, {{XML, make([]byte, 1<<15)}, {XML, make([]byte, 1<<15)}}} {
		if _, err := (&Message{Parts: parts}).Append(nil); !errors.Is(err, errTooLong) {
			t.Errorf("%d parts: %v", len(parts), err)
		}
	}
}

func FuzzParseMessage(f *testing.F) {
	seed, err := (&Message{VendorType: VendorType, Parts: []TLV{{XML, []byte("<a/>")}}}).Append(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := ParseMessage(b)
		if err != nil {
			return
		}
		if got, err := m.Append(nil); err == nil && !bytes.Equal(got, b) {
			t.Fatalf("%x, then %x", b, got)
		}
	})
}

// issue makes a certificate; with a nil parent, of its own.
func issue(t testing.TB, name string, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IsCA: parent == nil, BasicConstraintsValid: true}
	if parent == nil {
		parent, parentKey = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c, key
}

// A chain, field by field: signed data of version 1 with no digests, empty data, the
// certificates, and no signers.
func TestChain(t *testing.T) {
	ca, caKey := issue(t, "ca", nil, nil)
	leaf, _ := issue(t, "alice", ca, caKey)
	b, err := AppendChain(nil, []*x509.Certificate{leaf, ca})
	if err != nil {
		t.Fatal(err)
	}
	const before = "06092a864886f70d010702" // id-signedData
	const inner = "0201013100300f06092a864886f70d010701a0020400"
	text := hex.EncodeToString(b)
	if !bytes.Contains([]byte(text), []byte(before)) || !bytes.Contains([]byte(text), []byte(inner+"a082")) || text[len(text)-4:] != "3100" {
		t.Errorf("got %s", text)
	}
	chain, err := ParseChain(b)
	if err != nil || len(chain) != 2 || !chain[0].Equal(leaf) || !chain[1].Equal(ca) {
		t.Errorf("read %v, %v", chain, err)
	}
}

func FuzzParseChain(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)) // the same in all processes
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Unix(1e9, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		f.Fatal(err)
	}
	seed, err := AppendChain(nil, []*x509.Certificate{{Raw: der}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Add([]byte("0\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		chain, err := ParseChain(b)
		if err != nil {
			return
		}
		again, err := AppendChain(nil, chain)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseChain(again); err != nil || len(back) != len(chain) {
			t.Fatalf("%d certificates, then %d, %v", len(chain), len(back), err)
		}
	})
}
