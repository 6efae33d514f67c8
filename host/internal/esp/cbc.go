package esp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
)

// cbc is CBC under one key. It is used by one goroutine.
type cbc interface {
	// encrypt encrypts each text in place. The first block of a text is its IV.
	encrypt(texts [][]byte)
	// decrypt decrypts a text into dst, which is a block shorter: it lies apart, or on
	// the text behind its IV.
	decrypt(dst, text []byte)
}

// newCBC is the fastest that there is for blocks of that size and key. The standard library's takes a block at a
// time, and so waits out the latency of each round. A block of CBC cannot be encrypted
// before the one that precedes it, but several packets can side by side, and decrypting
// knows no such order. Where the processor has AES instructions, that is done:
// 1400 bytes take 0.18 us where they took 2.
func newCBC(block int, key []byte) (cbc, error) {
	if block == des.BlockSize {
		return newPortable(des.NewTripleDESCipher(key))
	}
	if c, ok := newLanes(key); ok {
		return c, nil
	}
	return newPortable(aes.NewCipher(key))
}

// portable is the standard library's.
type portable struct {
	block    int
	enc, dec blockMode
}

type blockMode interface {
	cipher.BlockMode
	SetIV(iv []byte)
}

func newPortable(block cipher.Block, err error) (*portable, error) {
	if err != nil {
		return nil, err
	}
	zero := make([]byte, block.BlockSize())
	return &portable{
		block: len(zero),
		enc:   cipher.NewCBCEncrypter(block, zero).(blockMode),
		dec:   cipher.NewCBCDecrypter(block, zero).(blockMode),
	}, nil
}

func (p *portable) encrypt(texts [][]byte) {
	for _, text := range texts {
		p.enc.SetIV(text[:p.block])
		p.enc.CryptBlocks(text[p.block:], text[p.block:])
	}
}

func (p *portable) decrypt(dst, text []byte) {
	p.dec.SetIV(text[:p.block])
	p.dec.CryptBlocks(dst, text[p.block:])
}
