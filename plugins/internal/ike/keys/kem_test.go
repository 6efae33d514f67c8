package keys

import (
	"bytes"
	"crypto/mlkem"
	"crypto/mlkem/mlkemtest"
	"crypto/rand"
	"crypto/sha3"
	"encoding/hex"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// The accumulated vectors of C2SP's CCTV for ML-KEM-768, a hundred of them: key pairs by
// seeds, ciphertexts, secrets, and what comes of a ciphertext that is none.
func TestKEMVectors(t *testing.T) {
	in, sum := sha3.NewSHAKE128(), sha3.NewSHAKE128()
	for range 100 {
		seed := make([]byte, mlkem.SeedSize)
		in.Read(seed)
		x, err := beginKEM(bytes.NewReader(seed))
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(x.Public())
		message := make([]byte, 32)
		in.Read(message)
		key, err := mlkem.NewEncapsulationKey768(x.Public())
		if err != nil {
			t.Fatal(err)
		}
		secret, ciphertext, err := mlkemtest.Encapsulate768(key, message)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(ciphertext)
		sum.Write(secret)
		if got, err := x.Secret(ciphertext); err != nil || !bytes.Equal(got, secret) {
			t.Fatalf("%x, %v; want %x", got, err, secret)
		}
		none := make([]byte, mlkem.CiphertextSize768)
		in.Read(none)
		rejected, err := x.Secret(none)
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(rejected)
	}
	got := make([]byte, 32)
	sum.Read(got)
	if want := "1114b1b6699ed191734fa339376afa7e285c9e6acf6ff0177d346696ce564415"; hex.EncodeToString(got) != want {
		t.Errorf("%x, want %s", got, want)
	}
}

// Both halves of every key exchange agree, and refuse what is none of theirs.
func TestAnswers(t *testing.T) {
	for _, g := range append(append([]*Group(nil), KEMs...), Groups...) {
		x, err := g.Begin(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public, secret, err := g.Answer(rand.Reader, x.Public())
		if err != nil {
			t.Fatalf("%s: %v", g.Name, err)
		}
		if got, err := x.Secret(public); err != nil || !bytes.Equal(got, secret) {
			t.Errorf("%s: %x and %x, %v", g.Name, got, secret, err)
		}
		if _, err := x.Secret(public[1:]); err == nil {
			t.Errorf("%s takes a short public value", g.Name)
		}
		if _, _, err := g.Answer(rand.Reader, x.Public()[1:]); err == nil {
			t.Errorf("%s answers a short public value", g.Name)
		}
		if found, err := FindAdditional(g.ID); err != nil || found != g {
			t.Errorf("%s is not found: %v", g.Name, err)
		}
	}
}

// RFC 9242 section 3.3.2, byte by byte: the header with the length of the plain message,
// the generic header likewise, the content.
func TestIntermediate(t *testing.T) {
	prf, _ := FindPRF(5)
	h := ike.Header{Initiator: ike.SPI{1}, Responder: ike.SPI{2}, Exchange: ike.Intermediate, FromInitiator: true, MessageID: 1}
	covered := unhex(t, "0100000000000000"+"0200000000000000"+"2e202b08"+"00000001"+"00000025"+"22000009"+"0102030405")
	want := prf.Sum([]byte("SK_pi"), append([]byte("before"), covered...))
	if got := prf.Intermediate([]byte("SK_pi"), []byte("before"), h, ike.TypeKE, []byte{1, 2, 3, 4, 5}); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

func TestWireshark(t *testing.T) {
	s, err := ChosenSuite(ike.Proposal{Transforms: []ike.Transform{{Type: ike.Encryption, ID: 12, KeyBits: 128}, {Type: ike.Integrity, ID: 2}, {Type: ike.PRF, ID: 2},
		{Type: ike.KeyExchange, ID: 14}, {Type: ike.AdditionalKE1, ID: 36}, {Type: ike.AdditionalKE1 + 1, ID: 0}}})
	if err != nil || s.String() != "aes128-sha1-prfsha1-modp2048-ke1_mlkem768" {
		t.Fatalf("%v, %v", s, err)
	}
	k := Schedule{encryptI: []byte{1}, encryptR: []byte{2}, integrityI: []byte{3}, integrityR: []byte{4}}
	if got, want := s.Wireshark(k, ike.SPI{5}, ike.SPI{6}), `0500000000000000,0600000000000000,01,02,"AES-CBC-128 [RFC3602]",03,04,"HMAC_SHA1_96 [RFC2404]"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := WiresharkESP(0x1234, "aes128gcm16", "", []byte{7}, nil), `"IPv4","*","*","0x00001234","AES-GCM with 16 octet ICV [RFC4106]","0x07","NULL",""`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := WiresharkESP(0x1234, "chacha20poly1305", "", []byte{7}, nil); got != "" {
		t.Errorf("%s, which Wireshark does not know", got)
	}
}
