package esp

import (
	"crypto/aes"
	"crypto/cipher"
)

// cbc is AES-CBC under one key. It is used by one goroutine.
type cbc interface {
	// encrypt encrypts each text in place. The first block of a text is its IV.
	encrypt(texts [][]byte)
	// decrypt decrypts a text into dst, which is a block shorter: it lies apart, or on
	// the text behind its IV.
	decrypt(dst, text []byte)
}

// newCBC is the fastest that there is for key. The standard library's takes a block at a
// time, and so waits out the latency of each round. A block of CBC cannot be encrypted
// before the one that precedes it, but several packets can side by side, and decrypting
// knows no such order. Where the processor has AES instructions, that is done:
// 1400 bytes take 0.18 us where they took 2.
func newCBC(key []byte) (cbc, error) {
	if c, ok := newLanes(key); ok {
		return c, nil
	}
	return newPortable(key)
}

// portable is the standard library's.
type portable struct{ enc, dec blockMode }

type blockMode interface {
	cipher.BlockMode
	SetIV(iv []byte)
}

func newPortable(key []byte) (*portable, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	var zero [aes.BlockSize]byte
	return &portable{
		enc: cipher.NewCBCEncrypter(block, zero[:]).(blockMode),
		dec: cipher.NewCBCDecrypter(block, zero[:]).(blockMode),
	}, nil
}

func (p *portable) encrypt(texts [][]byte) {
	for _, text := range texts {
		p.enc.SetIV(text[:aes.BlockSize])
		p.enc.CryptBlocks(text[aes.BlockSize:], text[aes.BlockSize:])
	}
}

func (p *portable) decrypt(dst, text []byte) {
	p.dec.SetIV(text[:aes.BlockSize])
	p.dec.CryptBlocks(dst, text[aes.BlockSize:])
}
