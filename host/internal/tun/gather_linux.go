package tun

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// gatherer reads from a TUN device with virtio headers: it waits for one packet, and
// takes what else is there. It is used by one goroutine; nothing is allocated after
// newGatherer.
type gatherer struct {
	raw    syscall.RawConn
	virtio [virtioSize]byte
	iov    [2]unix.Iovec
	pieces segments
	left   []byte // holds what pieces still cuts, when bufs were full

	// What fill works on, and how far it came.
	bufs   [][]byte
	sizes  []int
	offset int
	n      int
	try    func(fd uintptr) bool // g.fill, bound once
	err    error
}

func newGatherer(file *os.File) (*gatherer, error) {
	raw, err := file.SyscallConn()
	g := &gatherer{raw: raw, left: make([]byte, packet.MaxSize)}
	g.try = g.fill
	g.iov[0].Base = &g.virtio[0]
	g.iov[0].SetLen(virtioSize)
	return g, err
}

// read is Device.Read.
func (g *gatherer) read(bufs [][]byte, sizes []int, offset int) (int, error) {
	g.bufs, g.sizes, g.offset, g.n, g.err = bufs, sizes, offset, 0, nil
	if g.pieces.pending {
		g.cutMore()
	}
	if g.n == len(bufs) {
		return g.n, nil
	}
	if err := g.raw.Read(g.try); err != nil {
		return g.n, os.ErrClosed
	}
	return g.n, g.err
}

// fill runs on the descriptor; it returns false to wait for a first packet.
func (g *gatherer) fill(fd uintptr) bool {
	for g.room() {
		buf := g.bufs[g.n][g.offset:]
		g.iov[1].Base = unsafe.SliceData(buf)
		g.iov[1].SetLen(min(len(buf), packet.MaxSize))
		n, _, errno := unix.Syscall(unix.SYS_READV, fd, uintptr(unsafe.Pointer(&g.iov[0])), uintptr(len(g.iov)))
		switch {
		case errno == unix.EAGAIN:
			return g.n > 0
		case errno == unix.EINTR:
		case errors.Is(errno, unix.EBADFD): // removed from outside
			g.err = os.ErrClosed
			return true
		case errno != 0:
			g.err = errno
			return true
		case n > virtioSize:
			g.take(buf[:n-virtioSize])
		}
	}
	return true
}

// room says whether to read on. A large packet should find room for all its segments:
// one that does not is copied.
func (g *gatherer) room() bool { return g.n == 0 || g.n <= len(g.bufs)/2 }

// take makes a packet, read where the next one belongs, one or many. A packet that
// cannot be understood is lost as on a wire.
func (g *gatherer) take(pkt []byte) {
	if g.virtio[1] == gsoNone {
		if complete(g.virtio[:], pkt) == nil {
			g.sizes[g.n] = len(pkt)
			g.n++
		}
		return
	}
	if g.pieces.cut(g.virtio[:], pkt) != nil {
		g.pieces.pending = false
		return
	}
	g.cutMore()
	if g.pieces.pending {
		g.pieces.move(g.left)
	}
}

// cutMore fills bufs with segments, as far as both last.
func (g *gatherer) cutMore() {
	for g.pieces.pending && g.n < len(g.bufs) {
		n, err := g.pieces.next(g.bufs[g.n][g.offset:])
		if err != nil {
			g.pieces.pending = false
			return
		}
		g.sizes[g.n] = n
		g.n++
	}
}
