package esp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
)

// ivSource makes the IVs of CBC, which nobody may foretell (RFC 3602 section 3):
// who knows the next one and can have a packet sent learns whether a block sent
// before was what he guesses. They are blocks of AES-CTR under a random key of
// their own, which looks random to all who do not have it, never repeats, and costs
// a few nanoseconds where the system's generator costs hundreds. It is the first
// method of NIST SP 800-38A appendix C, the cipher on a nonce, with a key apart.
type ivSource struct {
	stream cipher.Stream
	pool   [64 * aes.BlockSize]byte
	left   []byte // of pool
}

func newIVSource() (*ivSource, error) {
	var seed [2 * aes.BlockSize]byte // key, and where the counter begins
	if _, err := rand.Read(seed[:]); err != nil {
		return nil, fmt.Errorf("esp: random key: %w", err)
	}
	block, err := aes.NewCipher(seed[:aes.BlockSize])
	if err != nil {
		return nil, err
	}
	return &ivSource{stream: cipher.NewCTR(block, seed[aes.BlockSize:])}, nil
}

// next fills iv, which is a block or half of one.
func (s *ivSource) next(iv []byte) {
	if len(s.left) == 0 {
		s.left = s.pool[:]
		clear(s.left)
		s.stream.XORKeyStream(s.left, s.left)
	}
	s.left = s.left[copy(iv, s.left):]
}
