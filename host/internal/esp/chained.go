package esp

import (
	"crypto/hmac"
	"encoding/binary"
	"hash"
)

// chained is a suite of CBC and an HMAC over all that precedes it and, when sequence numbers are extended, their upper half (RFC 4303 section 2.8).
type chained struct {
	cbc  cbc
	ivs  *ivSource
	mac  hash.Hash // after its first Reset it keeps the states that the key leads to
	iv   int
	icv  int
	esn  bool
	work [][]byte // from IV to ICV, of each packet

	// Scratch that the hash sees through an interface: kept here, or every packet would allocate.
	sum  [64]byte
	high [4]byte
}

func newChained(sa SA) (*chained, error) {
	cbc, err := newCBC(sa.Suite.Block, sa.Key)
	if err != nil {
		return nil, err
	}
	ivs, err := newIVSource()
	if err != nil {
		return nil, err
	}
	return &chained{cbc: cbc, ivs: ivs, mac: hmac.New(sa.Suite.mac, sa.AuthKey), iv: sa.Suite.IV, icv: sa.Suite.ICV, esn: sa.ESN}, nil
}

func (c *chained) seal(pkts [][]byte, first uint64) {
	c.work = c.work[:0]
	for _, pkt := range pkts {
		text := pkt[headerSize : len(pkt)-c.icv]
		c.ivs.next(text[:c.iv])
		c.work = append(c.work, text)
	}
	c.cbc.encrypt(c.work)
	for i, pkt := range pkts {
		end := len(pkt) - c.icv
		copy(pkt[end:], c.tag(pkt[:end], first+uint64(i)))
	}
}

func (c *chained) open(dst, pkt []byte, number uint64) bool {
	end := len(pkt) - c.icv
	if !hmac.Equal(c.tag(pkt[:end], number), pkt[end:]) {
		return false
	}
	c.cbc.decrypt(dst, pkt[headerSize:end])
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
