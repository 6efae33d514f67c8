package tun

import (
	"errors"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// gatherer reads from a TUN device with virtio headers: it waits for one packet, and
// takes what else is there. It is used by one goroutine; nothing is allocated after
// newGatherer.
type gatherer struct {
	raw    syscall.RawConn
	virtio [virtioSize]byte
	iov    [2]unix.Iovec
	cutter *Cutter
	try    func(fd uintptr) bool // g.fill, bound once
	err    error
}

func newGatherer(file *os.File) (*gatherer, error) {
	raw, err := file.SyscallConn()
	g := &gatherer{raw: raw, cutter: NewCutter()}
	g.try = g.fill
	g.iov[0].Base = &g.virtio[0]
	g.iov[0].SetLen(virtioSize)
	return g, err
}

// read is Device.Read.
func (g *gatherer) read(bufs [][]byte, sizes []int, offset int) (int, error) {
	g.err = nil
	g.cutter.Begin(bufs, sizes, offset)
	if g.cutter.Full() {
		return g.cutter.N(), nil
	}
	if err := g.raw.Read(g.try); err != nil {
		return g.cutter.N(), os.ErrClosed
	}
	return g.cutter.N(), g.err
}

// fill runs on the descriptor; it returns false to wait for a first packet.
func (g *gatherer) fill(fd uintptr) bool {
	for g.cutter.Room() {
		buf := g.cutter.Space()
		g.iov[1].Base = unsafe.SliceData(buf)
		g.iov[1].SetLen(len(buf))
		n, _, errno := unix.Syscall(unix.SYS_READV, fd, uintptr(unsafe.Pointer(&g.iov[0])), uintptr(len(g.iov)))
		switch {
		case errno == unix.EAGAIN:
			return g.cutter.N() > 0
		case errno == unix.EINTR:
		case errors.Is(errno, unix.EBADFD): // removed from outside
			g.err = os.ErrClosed
			return true
		case errno != 0:
			g.err = errno
			return true
		case n > virtioSize:
			g.cutter.Take(g.virtio[:], buf[:n-virtioSize])
		}
	}
	return true
}
