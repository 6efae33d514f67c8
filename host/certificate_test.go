package host

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"
)

// Without the name of a hash RSA signs what is as long as a hash, which nothing with a name
// is: no DigestInfo has 20, 32, 48 or 64 bytes.
func TestFits(t *testing.T) {
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	long := ed25519.PublicKey{}
	for _, test := range []struct {
		key    crypto.PublicKey
		hash   crypto.Hash
		digest int
		want   bool
	}{
		{&rsa.PublicKey{}, crypto.SHA256, 32, true}, {&rsa.PublicKey{}, crypto.SHA256, 20, false},
		{&rsa.PublicKey{}, 0, 20, true}, {&rsa.PublicKey{}, 0, 32, true}, {&rsa.PublicKey{}, 0, 48, true}, {&rsa.PublicKey{}, 0, 64, true},
		{&rsa.PublicKey{}, 0, 35, false}, {&rsa.PublicKey{}, 0, 51, false}, {&rsa.PublicKey{}, 0, 67, false}, {&rsa.PublicKey{}, 0, 83, false}, {&rsa.PublicKey{}, 0, 0, false},
		{curve.Public(), 0, 32, false}, {curve.Public(), crypto.SHA256, 32, true}, {long, 0, 1000, true}, {long, crypto.SHA256, 32, false},
	} {
		if got := fits(test.key, test.hash, make([]byte, test.digest)); got != test.want {
			t.Errorf("%T signs %d bytes with %v: %v", test.key, test.digest, test.hash, got)
		}
	}
}
