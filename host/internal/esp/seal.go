package esp

import (
	"encoding/binary"
	"errors"
)

// ErrExhausted says that an SA reached its hard limit, or the end of its sequence numbers.
var ErrExhausted = errors.New("esp: the SA has reached its hard limit")

// Outbound is an SA that seals. It is used by one goroutine at a time.
type Outbound struct {
	spi       SPI
	suite     *Suite
	transform transform
	next      uint64 // sequence number
	life      life

	one [1][]byte // Seal's batch
}

// SPI is the SA's.
func (o *Outbound) SPI() SPI { return o.spi }

// Suite is the SA's.
func (o *Outbound) Suite() *Suite { return o.suite }

// Age is how far the SA's life has come.
func (o *Outbound) Age() Age { return o.life.age() }

// Seal makes b[offset:] the payload of an ESP packet, in place, and returns the
// packet. Suite.Front bytes before offset and what else is of Suite.Overhead behind
// len(b), within b's capacity, are overwritten.
func (o *Outbound) Seal(b []byte, offset int, next byte) ([]byte, error) {
	if o.life.over() {
		return nil, ErrExhausted
	}
	o.one[0] = o.frame(b, offset, next)
	o.transform.seal(o.one[:], o.next-1)
	return o.one[0], nil
}

// SealBatch seals IP packets as Seal does, all at once, which is cheaper, and puts
// the ESP packets into sealed: n of them. What is no IP packet is left out. With
// ErrExhausted the rest of bufs is not sealed.
func (o *Outbound) SealBatch(sealed, bufs [][]byte, offset int) (n int, err error) {
	return o.sealBatch(sealed, bufs, offset, Ports{})
}

// sealBatch is SealBatch. With ports each of bufs is what a datagram holds, and UDPHeader
// more bytes before offset are overwritten.
func (o *Outbound) sealBatch(sealed, bufs [][]byte, offset int, ports Ports) (n int, err error) {
	first := o.next
	for _, b := range bufs {
		at, next := offset, byte(nextUDP)
		if ports.datagrams() {
			at = ports.put(b, offset)
		} else if next = nextHeader(b[offset:]); next == 0 {
			continue
		}
		if o.life.over() {
			err = ErrExhausted
			break
		}
		sealed[n] = o.frame(b, at, next)
		n++
	}
	o.transform.seal(sealed[:n], first)
	return n, err
}

// frame puts header, padding and trailer around b[offset:] and returns the packet,
// with room for the ICV. It spends a sequence number.
func (o *Outbound) frame(b []byte, offset int, next byte) []byte {
	size := len(b) - offset
	padding := o.suite.padding(size)
	end := len(b) + padding + trailerSize
	pkt := b[offset-o.suite.Front() : end+o.suite.ICV]
	for i, tail := 0, b[len(b):end]; i < padding; i++ {
		tail[i] = byte(i + 1)
	}
	b = b[:end]
	b[end-2], b[end-1] = byte(padding), next

	binary.BigEndian.PutUint32(pkt, uint32(o.spi))
	binary.BigEndian.PutUint32(pkt[4:], uint32(o.next))
	o.next++
	o.life.spend(size)
	return pkt
}
