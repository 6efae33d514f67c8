package keys

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
)

func suite(t *testing.T, cipher, bits, hash uint16) Suite {
	t.Helper()
	s, err := FindSuite(cipher, bits, hash, 14)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Both sides have the same keys, whatever the cipher needs of them; a chain goes on where it
// was left.
func TestChains(t *testing.T) {
	for _, c := range Ciphers {
		for _, h := range Hashes {
			s := suite(t, c.ID, c.Bits, h.ID)
			k, err := s.NewSchedule(s.SharedSeed([]byte("key"), []byte("ni"), []byte("nr")), []byte("secret"), ike1.Cookie{1}, ike1.Cookie{2})
			if err != nil {
				t.Fatal(err)
			}
			iv := s.IV(k, []byte("a"), []byte("b"))
			here, there := iv, iv
			for _, text := range []string{"one", "another message", "sixteen bytes..."} {
				var sealed, plain []byte
				sealed, here = k.Seal(here, []byte(text))
				if plain, there, err = k.Open(there, sealed); err != nil || !bytes.HasPrefix(plain, []byte(text)) || !bytes.Equal(here, there) {
					t.Fatalf("%v: %q, %v", s, plain, err)
				}
			}
			if _, _, err := k.Open(iv, []byte("odd")); err == nil {
				t.Error("three bytes were decrypted")
			}
		}
	}
}

// Keys of ESP are as long as they are to be, and others in each direction.
func TestESP(t *testing.T) {
	s := suite(t, 7, 256, 2)
	k, err := s.NewSchedule(s.SignedSeed([]byte("secret"), []byte("ni"), []byte("nr")), []byte("secret"), ike1.Cookie{1}, ike1.Cookie{2})
	if err != nil {
		t.Fatal(err)
	}
	one, two := s.ESP(k, 96, nil, 256, []byte("ni"), []byte("nr")), s.ESP(k, 96, nil, 257, []byte("ni"), []byte("nr"))
	if len(one) != 96 || bytes.Equal(one, two) || bytes.Equal(one, s.ESP(k, 96, []byte("more"), 256, []byte("ni"), []byte("nr"))) {
		t.Errorf("%x and %x", one, two)
	}
}

func TestSignature(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	proof := bytes.Repeat([]byte{9}, 32)
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.Hash(0), proof)
	if err != nil || Verify(key.Public(), proof, signature) != nil {
		t.Errorf("%v, %v", err, Verify(key.Public(), proof, signature))
	}
	signature[5] ^= 1
	if Verify(key.Public(), proof, signature) == nil || Verify(struct{}{}, proof, signature) == nil {
		t.Error("a wrong signature, or that of no key, is right")
	}
}

func TestWeak(t *testing.T) {
	if w := suite(t, 7, 128, 4).Weak(); w != "" {
		t.Errorf("%s is weak", w)
	}
	for _, s := range []Suite{suite(t, 5, 0, 4), suite(t, 7, 128, 1)} {
		if s.Weak() == "" {
			t.Errorf("%v is not weak", s)
		}
	}
	if _, err := FindSuite(7, 100, 4, 14); err == nil {
		t.Error("AES of 100 bits")
	}
}
