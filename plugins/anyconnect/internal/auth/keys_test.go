package auth

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
)

func newTestKeys(t *testing.T) *Keys {
	t.Helper()
	k, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// publicIn reads a public key from a field.
func publicIn(t *testing.T, h httpc.Header, name string) ([]byte, *ecdsa.PublicKey) {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(h.Get(name))
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return der, key.(*ecdsa.PublicKey)
}

// What a gateway checks: each tunnel request is signed by the key announced before it.
func TestKeysProveThemselves(t *testing.T) {
	k := newTestKeys(t)
	h, err := k.Announce()
	if err != nil {
		t.Fatal(err)
	}
	_, known := publicIn(t, h, "X-AnyConnect-STRAP-Pubkey")
	publicIn(t, h, "X-AnyConnect-STRAP-DH-Pubkey")
	for _, binding := range []string{"first Finished", "exporter of the second connection"} {
		h, next, err := k.Prove([]byte(binding))
		if err != nil {
			t.Fatal(err)
		}
		der, fresh := publicIn(t, h, "X-AnyConnect-STRAP-Pubkey")
		signature, err := base64.StdEncoding.DecodeString(h.Get("X-AnyConnect-STRAP-Verify"))
		if err != nil {
			t.Fatal(err)
		}
		digest := sha256.Sum256(append([]byte(binding), der...))
		if !ecdsa.VerifyASN1(known, digest[:], signature) {
			t.Errorf("%s: the signature is not of the key before", binding)
		}
		if fresh.Equal(known) {
			t.Errorf("%s: the key was not replaced", binding)
		}
		k, known = next, fresh
	}
	if _, _, err := k.Prove(nil); err == nil {
		t.Error("proved without a binding")
	}
}

func TestKeysSurvive(t *testing.T) {
	k := newTestKeys(t)
	der, err := k.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseKeys(der)
	if err != nil || !again.sign.Equal(k.sign) {
		t.Errorf("got %v, %v", again, err)
	}
	if _, err := ParseKeys(der[:len(der)-1]); err == nil {
		t.Error("half a key was taken")
	}
}

func FuzzParseKeys(f *testing.F) {
	k, err := NewKeys()
	if err != nil {
		f.Fatal(err)
	}
	der, err := k.Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(der)
	f.Fuzz(func(t *testing.T, der []byte) {
		k, err := ParseKeys(der)
		if err != nil {
			return
		}
		if again, err := k.Marshal(); err != nil || len(again) == 0 {
			t.Fatalf("a key that cannot be kept: %v", err)
		}
	})
}
