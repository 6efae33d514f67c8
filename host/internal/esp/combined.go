package esp

import (
	"crypto/cipher"
	"encoding/binary"
)

// combined is a suite that is an AEAD: AES-GCM (RFC 4106) or ChaCha20-Poly1305 (RFC
// 7634). Both have the same shape:
//
//	nonce   | salt (4) | IV (8) |
//	extra   | SPI (4) | sequence number (4, or 8 when extended) |
//
// The IV is the whole sequence number: it comes once in the life of a key.
type combined struct {
	aead cipher.AEAD
	esn  bool

	// Scratch that the AEAD sees through an interface: kept here, or every packet would allocate.
	nonce [saltSize + 8]byte
	extra [12]byte
}

func newCombined(sa SA) (*combined, error) {
	split := len(sa.Key) - saltSize
	aead, err := sa.Suite.aead(sa.Key[:split])
	if err != nil {
		return nil, err
	}
	c := &combined{aead: aead, esn: sa.ESN}
	copy(c.nonce[:], sa.Key[split:])
	return c, nil
}

func (c *combined) seal(pkts [][]byte, first uint64) {
	for i, pkt := range pkts {
		number := first + uint64(i)
		binary.BigEndian.PutUint64(pkt[headerSize:], number)
		text := pkt[headerSize+8 : len(pkt)-c.aead.Overhead()]
		extra := c.prepare(pkt, number)
		c.aead.Seal(text[:0], c.nonce[:], text, extra)
	}
}

func (c *combined) open(dst, pkt []byte, number uint64) bool {
	extra := c.prepare(pkt, number)
	_, err := c.aead.Open(dst[:0], c.nonce[:], pkt[headerSize+8:], extra)
	return err == nil
}

// prepare sets the nonce of pkt and returns its additional data.
func (c *combined) prepare(pkt []byte, number uint64) []byte {
	copy(c.nonce[saltSize:], pkt[headerSize:headerSize+8])
	copy(c.extra[:], pkt[:headerSize])
	if !c.esn {
		return c.extra[:headerSize]
	}
	binary.BigEndian.PutUint64(c.extra[4:], number)
	return c.extra[:]
}
