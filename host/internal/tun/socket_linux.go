package tun

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	socketBatch  = 64
	socketBuffer = 1 << 20 // bytes that wait for the program, and for us
	// The queue between two sockets is short, 10 packets on some systems, so that a vector
	// may have to wait. What comes from the gateway must not wait for ever.
	socketPatience = 100 * time.Millisecond
)

// socket is one end of a pair of datagram sockets, with a packet in each datagram: a
// program at the other end is the network. It needs no rights.
type socket struct {
	name string
	file *os.File
	raw  syscall.RawConn
	in   reading
}

// reading is what fill works on; it belongs to the one goroutine that reads.
type reading struct {
	bufs   [][]byte
	sizes  []int
	offset int
	n      int
	err    error
	try    func(fd uintptr) bool // fill, bound once
}

// OpenSocket makes a device that a program holds the other end of, a socket for
// datagrams. name is for people. The caller closes theirs when the program has it.
func OpenSocket(name string) (dev Device, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("a pair of sockets for packets: %w", err)
	}
	for _, fd := range fds {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, socketBuffer)
	}
	theirs = os.NewFile(uintptr(fds[1]), "VPNFD")
	err = unix.SetNonblock(fds[0], true)
	s := &socket{name: name, file: os.NewFile(uintptr(fds[0]), name)}
	if err == nil {
		s.raw, err = s.file.SyscallConn()
	}
	if err != nil {
		return nil, nil, errors.Join(err, s.file.Close(), theirs.Close())
	}
	s.in.try = s.fill
	return s, theirs, nil
}

// Read takes what is there; see Device.
func (s *socket) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	s.in.bufs, s.in.sizes, s.in.offset, s.in.n, s.in.err = bufs, sizes, offset, 0, nil
	if err := s.raw.Read(s.in.try); err != nil {
		return s.in.n, os.ErrClosed
	}
	return s.in.n, s.in.err
}

// fill runs on the descriptor; it returns false to wait for a first packet.
func (s *socket) fill(fd uintptr) bool {
	r := &s.in
	for r.n < len(r.bufs) {
		n, err := unix.Read(int(fd), r.bufs[r.n][r.offset:])
		switch {
		case errors.Is(err, unix.EAGAIN):
			return r.n > 0
		case errors.Is(err, unix.EINTR):
		case err != nil:
			r.err = gone(err)
			return true
		case n > 0: // an empty datagram is no packet
			r.sizes[r.n] = n
			r.n++
		}
	}
	return true
}

// Write waits a little for a program that is slow, and then drops packets; see Device.
func (s *socket) Write(bufs [][]byte, offset int) (int, error) {
	var failed error
	_ = s.file.SetWriteDeadline(time.Now().Add(socketPatience))
	written := 0
	for _, b := range bufs {
		if _, err := s.file.Write(b[offset:]); err != nil {
			failed = gone(err)
			if errors.Is(failed, os.ErrClosed) {
				return written, failed
			}
			continue
		}
		written++
	}
	return written, failed
}

// gone names the state of a socket whose other end nobody holds any more.
func gone(err error) error {
	for _, dead := range []error{unix.ECONNREFUSED, unix.ENOTCONN, unix.EPIPE, unix.ECONNRESET} {
		if errors.Is(err, dead) {
			return os.ErrClosed
		}
	}
	return err
}

// BatchSize is the number of bufs that Read wants.
func (s *socket) BatchSize() int { return socketBatch }

// Name is what OpenSocket was told.
func (s *socket) Name() string { return s.name }

// SetMTU does nothing: the program knows the first MTU from its environment, and the
// data plane does not take larger packets than fit.
func (s *socket) SetMTU(int) error { return nil }

// Close ends Read and Write; the program's end stays open, and nothing comes from it.
func (s *socket) Close() error { return s.file.Close() }
