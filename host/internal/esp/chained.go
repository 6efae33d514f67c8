package esp

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
	"hash"
)

// chained is a suite of AES-CBC (RFC 3602) and an HMAC over all that precedes it
// and, when sequence numbers are extended, their upper half (RFC 4303 section 2.8).
type chained struct {
	enc, dec blockMode
	ivs      *ivSource
	mac      hash.Hash // after its first Reset it keeps the states that the key leads to
	icv      int
	esn      bool

	// Scratch that the hash sees through an interface: kept here, or every packet would allocate.
	sum  [64]byte
	high [4]byte
}

// blockMode is what crypto/cipher's CBC of AES is.
type blockMode interface {
	cipher.BlockMode
	SetIV(iv []byte)
}

func newChained(sa SA) (*chained, error) {
	block, err := aes.NewCipher(sa.Key)
	if err != nil {
		return nil, err
	}
	ivs, err := newIVSource()
	if err != nil {
		return nil, err
	}
	var zero [aes.BlockSize]byte
	return &chained{
		enc: cipher.NewCBCEncrypter(block, zero[:]).(blockMode),
		dec: cipher.NewCBCDecrypter(block, zero[:]).(blockMode),
		ivs: ivs, mac: hmac.New(sa.Suite.mac, sa.AuthKey), icv: sa.Suite.ICV, esn: sa.ESN,
	}, nil
}

func (c *chained) seal(pkts [][]byte, first uint64) {
	for i, pkt := range pkts {
		end := len(pkt) - c.icv
		iv, text := pkt[headerSize:headerSize+aes.BlockSize], pkt[headerSize+aes.BlockSize:end]
		c.ivs.next(iv)
		c.enc.SetIV(iv)
		c.enc.CryptBlocks(text, text)
		copy(pkt[end:], c.tag(pkt[:end], first+uint64(i)))
	}
}

func (c *chained) open(dst, pkt []byte, number uint64) bool {
	end := len(pkt) - c.icv
	if !hmac.Equal(c.tag(pkt[:end], number), pkt[end:]) {
		return false
	}
	c.dec.SetIV(pkt[headerSize : headerSize+aes.BlockSize])
	c.dec.CryptBlocks(dst, pkt[headerSize+aes.BlockSize:end])
	return true
}

// tag is the ICV; it is good until the next.
func (c *chained) tag(covered []byte, number uint64) []byte {
	c.mac.Reset()
	c.mac.Write(covered)
	if c.esn {
		binary.BigEndian.PutUint32(c.high[:], uint32(number>>32))
		c.mac.Write(c.high[:])
	}
	return c.mac.Sum(c.sum[:0])[:c.icv]
}
