package esp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"hash"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	headerSize  = 8 // SPI and sequence number
	trailerSize = 2 // pad length and next header
	saltSize    = 4 // behind the key of an AEAD, in front of the IV in its nonce
)

// Suite is what encrypts and authenticates: one AEAD, or AES-CBC (RFC 3602) or 3DES-CBC
// (RFC 2451) with an HMAC over the ciphertext. Sizes are in bytes.
type Suite struct {
	Name        string // as IKE daemons write proposals
	KeySize     int    // of the encryption key, an AEAD's salt included
	AuthKeySize int    // of the integrity key; 0 for an AEAD
	IV          int    // in each packet
	ICV         int    // integrity check value, in each packet
	Block       int    // what payload, padding and trailer are a multiple of

	aead func(key []byte) (cipher.AEAD, error) // nil: CBC, of AES or with a Block of 8 of 3DES
	mac  func() hash.Hash
}

// Suites is every suite: RFC 4106, RFC 7634, and RFC 3602 and 2451 with RFC 2403, 2404 and
// 4868. 3DES is slow, and its blocks are so short that keys must be changed often: it is for
// gateways that know nothing else.
var Suites = []*Suite{
	{"aes128gcm16", 20, 0, 8, 16, 4, newGCM, nil},
	{"aes192gcm16", 28, 0, 8, 16, 4, newGCM, nil},
	{"aes256gcm16", 36, 0, 8, 16, 4, newGCM, nil},
	{"chacha20poly1305", 36, 0, 8, 16, 4, chacha20poly1305.New, nil},
	{"aes128-md5", 16, 16, 16, 12, 16, nil, md5.New},
	{"aes192-md5", 24, 16, 16, 12, 16, nil, md5.New},
	{"aes256-md5", 32, 16, 16, 12, 16, nil, md5.New},
	{"aes128-sha1", 16, 20, 16, 12, 16, nil, sha1.New},
	{"aes192-sha1", 24, 20, 16, 12, 16, nil, sha1.New},
	{"aes256-sha1", 32, 20, 16, 12, 16, nil, sha1.New},
	{"aes128-sha256", 16, 32, 16, 16, 16, nil, sha256.New},
	{"aes192-sha256", 24, 32, 16, 16, 16, nil, sha256.New},
	{"aes256-sha256", 32, 32, 16, 16, 16, nil, sha256.New},
	{"aes128-sha384", 16, 48, 16, 24, 16, nil, sha512.New384},
	{"aes192-sha384", 24, 48, 16, 24, 16, nil, sha512.New384},
	{"aes256-sha384", 32, 48, 16, 24, 16, nil, sha512.New384},
	{"aes128-sha512", 16, 64, 16, 32, 16, nil, sha512.New},
	{"aes192-sha512", 24, 64, 16, 32, 16, nil, sha512.New},
	{"aes256-sha512", 32, 64, 16, 32, 16, nil, sha512.New},
	{"3des-md5", 24, 16, 8, 12, 8, nil, md5.New},
	{"3des-sha1", 24, 20, 8, 12, 8, nil, sha1.New},
	{"3des-sha256", 24, 32, 8, 16, 8, nil, sha256.New},
	{"3des-sha384", 24, 48, 8, 24, 8, nil, sha512.New384},
	{"3des-sha512", 24, 64, 8, 32, 8, nil, sha512.New},
}

// SuiteNamed finds a suite; nil when there is none of that name.
func SuiteNamed(name string) *Suite {
	for _, s := range Suites {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Front is what Seal needs before the payload.
func (s *Suite) Front() int { return headerSize + s.IV }

// Overhead is the most that Seal adds to a payload, in front and behind.
func (s *Suite) Overhead() int { return s.Front() + s.Block - 1 + trailerSize + s.ICV }

// Payload is the longest payload of an ESP packet of at most size bytes.
func (s *Suite) Payload(size int) int {
	room := size - s.Front() - s.ICV
	return max(room-room%s.Block-trailerSize, 0)
}

// padding is how many bytes a payload of size needs before the trailer.
func (s *Suite) padding(size int) int { return -(size + trailerSize) & (s.Block - 1) }

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
