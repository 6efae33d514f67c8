package tun

import (
	"encoding/binary"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// Cutter fills the vectors of Device.Read from packets that come with a virtio header:
// they are completed, and cut where one is many. It is used by one goroutine; nothing is
// allocated after NewCutter.
type Cutter struct {
	pieces segments
	left   []byte // holds what pieces still cuts, when bufs were full

	// What is filled, and how far it is.
	bufs   [][]byte
	sizes  []int
	offset int
	n      int
}

// NewCutter returns one that has nothing left to cut.
func NewCutter() *Cutter { return &Cutter{left: make([]byte, packet.MaxSize)} }

// Begin takes the arguments of Device.Read; what is left of the last packet goes first.
func (c *Cutter) Begin(bufs [][]byte, sizes []int, offset int) {
	c.bufs, c.sizes, c.offset, c.n = bufs, sizes, offset, 0
	if c.pieces.pending {
		c.cutMore()
	}
}

// N is how many packets there are.
func (c *Cutter) N() int { return c.n }

// Full says that there is no room at all.
func (c *Cutter) Full() bool { return c.n == len(c.bufs) }

// Room says whether to read on. A large packet should find room for all its segments:
// one that does not is copied.
func (c *Cutter) Room() bool { return c.n == 0 || c.n <= len(c.bufs)/2 }

// Space is where the next packet goes.
func (c *Cutter) Space() []byte {
	buf := c.bufs[c.n][c.offset:]
	return buf[:min(len(buf), packet.MaxSize)]
}

// Take makes a packet, lying in Space, one or many. A packet that cannot be understood is
// lost as on a wire.
func (c *Cutter) Take(virtio, pkt []byte) {
	if virtio[1] == gsoNone {
		if complete(virtio, pkt) == nil {
			c.sizes[c.n] = len(pkt)
			c.n++
		}
		return
	}
	if c.pieces.cut(virtio, pkt) != nil {
		c.pieces.pending = false
		return
	}
	c.cutMore()
	if c.pieces.pending {
		c.pieces.move(c.left)
	}
}

// cutMore fills bufs with segments, as far as both last.
func (c *Cutter) cutMore() {
	for c.pieces.pending && !c.Full() {
		n, err := c.pieces.next(c.bufs[c.n][c.offset:])
		if err != nil {
			c.pieces.pending = false
			return
		}
		c.sizes[c.n] = n
		c.n++
	}
}

// VirtioSize is the length of a virtio header, in bytes.
const VirtioSize = virtioSize

// PutVirtioTCP writes the header of a TCP packet whose checksum is that of the pseudo
// header so far. start is where the TCP header begins; size is the payload of a segment,
// or 0 for a packet that is not to be cut.
func PutVirtioTCP(virtio []byte, v6 bool, start, size int) {
	clear(virtio[:virtioSize])
	virtio[0] = needsChecksum
	switch {
	case size == 0:
	case v6:
		virtio[1] = gsoTCPv6
	default:
		virtio[1] = gsoTCPv4
	}
	binary.NativeEndian.PutUint16(virtio[4:], uint16(size))
	binary.NativeEndian.PutUint16(virtio[6:], uint16(start))
	binary.NativeEndian.PutUint16(virtio[8:], tcpChecksum)
}
