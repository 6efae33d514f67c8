package sdk_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func certified(t *testing.T, key crypto.Signer) *tls.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"vpn.example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// The key of the user's certificate signs as if it were here.
func TestTheUsersKeySigns(t *testing.T) {
	plugintest.CheckLeaks(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, "rsa", err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, "ecdsa", err)
	public, edKey, err := ed25519.GenerateKey(rand.Reader)
	check(t, "ed25519", err)
	message := []byte("message")
	one, two, five := sha1.Sum(message), sha256.Sum256(message), sha512.Sum512(message)
	pss := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	for name, c := range map[string]struct {
		key    crypto.Signer
		digest []byte
		opts   crypto.SignerOpts
		good   func(signature []byte) bool
	}{
		"PKCS #1": {rsaKey, one[:], crypto.SHA1, func(s []byte) bool { return rsa.VerifyPKCS1v15(&rsaKey.PublicKey, crypto.SHA1, one[:], s) == nil }},
		"PSS":     {rsaKey, two[:], pss, func(s []byte) bool { return rsa.VerifyPSS(&rsaKey.PublicKey, crypto.SHA256, two[:], s, pss) == nil }},
		"ECDSA":   {ecKey, five[:], crypto.SHA512, func(s []byte) bool { return ecdsa.VerifyASN1(&ecKey.PublicKey, five[:], s) }},
		"Ed25519": {edKey, message, crypto.Hash(0), func(s []byte) bool { return ed25519.Verify(public, message, s) }},
	} {
		h := plugintest.NewHost(t)
		h.Certificate = certified(t, c.key)
		run := h.Run(negotiating(func(ctx context.Context, s *sdk.Session) error {
			cert, err := s.ClientCertificate(ctx)
			if !check(t, name, err) {
				return nil
			}
			signature, err := cert.Key.Sign(rand.Reader, c.digest, c.opts)
			if check(t, name, err); !c.good(signature) {
				t.Errorf("%s: the signature is wrong", name)
			}
			if _, err := cert.Key.Sign(rand.Reader, two[:], crypto.SHA3_256); diag.Of(err).Code != diag.Invalid {
				t.Errorf("%s: %v", name, err)
			}
			return nil
		}), plugintest.Profile{})
		if err := run.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func TestTrustIsTheHosts(t *testing.T) {
	plugintest.CheckLeaks(t)
	h := plugintest.NewHost(t)
	gateway := h.TLS.PeerChain[0]
	h.Trust = func(chain []*x509.Certificate, name string) error {
		if len(chain) != 1 || string(chain[0].Raw) != string(gateway) {
			t.Errorf("verified %d certificates", len(chain))
		}
		if name != "vpn.example.com" {
			return diag.New(diag.Certificate, "it is for another", "")
		}
		return nil
	}
	run := h.Run(negotiating(func(ctx context.Context, s *sdk.Session) error {
		leaf, err := x509.ParseCertificate(gateway)
		check(t, "parse", err)
		check(t, "verify", s.VerifyChain(ctx, []*x509.Certificate{leaf}, "vpn.example.com"))
		if err := s.VerifyChain(ctx, []*x509.Certificate{leaf}, "evil.test"); diag.Of(err).Code != diag.Certificate {
			t.Errorf("%v", err)
		}
		if cert, err := s.ClientCertificate(ctx); cert != nil || err != nil {
			t.Errorf("%v, %v", cert, err)
		}
		return nil
	}), plugintest.Profile{})
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}
