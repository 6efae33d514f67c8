package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// signed makes an AUTH payload by a scheme.
func signed(t *testing.T, s Scheme, key crypto.Signer, octets []byte) *ike.AuthData {
	t.Helper()
	digest, opts := s.Digest(octets)
	signature, err := key.Sign(rand.Reader, digest, opts)
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Payload(key.Public(), signature)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// RSA signs with the PRF's hash by the method of old, ECDSA by that of its curve.
func TestAnyConnectSignatures(t *testing.T) {
	octets := []byte("octets")
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range PRFs {
		hash, known := signatureHashes[p.ID]
		if !known {
			continue
		}
		s, err := p.AnyConnectScheme(key.Public())
		if err != nil || s.Method != ike.AuthRSA {
			t.Fatalf("%s: %+v, %v", p.Name, s, err)
		}
		a := signed(t, s, key, octets)
		h := hash.New()
		h.Write(octets)
		if rsa.VerifyPKCS1v15(&key.PublicKey, hash, h.Sum(nil), a.Data) != nil {
			t.Errorf("%s: the signature is not by %v", p.Name, hash)
		}
		if err := p.VerifyAnyConnect(key.Public(), a, octets, true); err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if p.VerifyAnyConnect(key.Public(), a, []byte("others"), true) == nil {
			t.Errorf("%s: a signature of something else is taken", p.Name)
		}
	}
	p, err := FindPRF(5)
	if err != nil {
		t.Fatal(err)
	}
	old, err := SchemeFor(key.Public(), nil, true)
	if err != nil {
		t.Fatal(err)
	}
	a := signed(t, old, key, octets)
	if err := p.VerifyAnyConnect(key.Public(), a, octets, false); err != nil {
		t.Errorf("SHA-1 of a gateway that knows no better: %v", err)
	}
	if p.VerifyAnyConnect(key.Public(), a, octets, true) == nil {
		t.Error("SHA-1 of a gateway that knows better is taken")
	}
	ec, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if method, err := p.AnyConnectMethod(ec.Public()); err != nil || method != ike.AuthECDSA384 {
		t.Errorf("ECDSA: method %d, %v", method, err)
	}
	s, err := p.AnyConnectScheme(ec.Public())
	if err != nil {
		t.Fatal(err)
	}
	if a := signed(t, s, ec, octets); len(a.Data) != 96 || p.VerifyAnyConnect(ec.Public(), a, octets, true) != nil {
		t.Errorf("ECDSA: %d bytes", len(a.Data))
	}
	if _, err := p.AnyConnectScheme(ed25519.PublicKey{}); err == nil {
		t.Error("Ed25519 is not in use")
	}
}
