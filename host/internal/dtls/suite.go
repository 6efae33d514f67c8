package dtls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

// tagSize is what every AEAD here appends, in bytes.
const tagSize = 16

// Suite is a cipher suite. Only AEADs are here.
type Suite struct {
	ID   uint16 // IANA number
	Name string // IANA name
	psk  bool   // of the pre-shared key way; else for resumption

	keySize  int // bytes
	ivSize   int // bytes from the key block
	explicit int // bytes of nonce in every record: 8 (RFC 5288), 0 (RFC 7905)
	hash     func() hash.Hash
	aead     func(key []byte) (cipher.AEAD, error)
}

// suites is every suite, best first for each way. In a resumption the key exchange
// that a name speaks of does not take place: it is only what both sides call the suite.
var suites = []*Suite{
	{0x00a9, "TLS_PSK_WITH_AES_256_GCM_SHA384", true, 32, 4, 8, sha512.New384, newGCM},
	{0x00a8, "TLS_PSK_WITH_AES_128_GCM_SHA256", true, 16, 4, 8, sha256.New, newGCM},
	{0xccab, "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256", true, 32, 12, 0, sha256.New, chacha20poly1305.New},
	{0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", false, 32, 4, 8, sha512.New384, newGCM},
	{0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", false, 16, 4, 8, sha256.New, newGCM},
	{0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", false, 32, 4, 8, sha512.New384, newGCM},
	{0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", false, 16, 4, 8, sha256.New, newGCM},
}

// Overhead is what a record adds to its payload, in bytes.
func (s *Suite) Overhead() int { return headerSize + s.explicit + tagSize }

// chooseSuites returns the suites of one way, those named if any are.
func chooseSuites(psk bool, names []string) ([]*Suite, error) {
	var chosen []*Suite
	if len(names) == 0 {
		for _, s := range suites {
			if s.psk == psk {
				chosen = append(chosen, s)
			}
		}
		return chosen, nil
	}
	for _, name := range names {
		s := suiteNamed(name)
		if s == nil || s.psk != psk {
			return nil, fmt.Errorf("dtls: the cipher suite %.64q is not known for this kind of handshake", name)
		}
		chosen = append(chosen, s)
	}
	return chosen, nil
}

func suiteNamed(name string) *Suite {
	for _, s := range suites {
		if s.Name == name {
			return s
		}
	}
	return nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
