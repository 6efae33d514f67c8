package transport

import (
	"errors"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize = 128 // datagrams a Send or Recv

	rxSlots   = 16    // messages a recvmmsg
	rxSize    = 65536 // bytes of one, which may be many datagrams (UDP_GRO)
	rxControl = 96    // bytes of control data
)

// mmsghdr is struct mmsghdr of recvmmsg(2) and sendmmsg(2).
type mmsghdr struct {
	hdr unix.Msghdr
	n   uint32
}

// receiver reads datagrams in batches: recvmmsg, and UDP_GRO where the kernel
// offers it. It is used by one goroutine. Nothing is allocated after newReceiver.
type receiver struct {
	raw syscall.RawConn
	err error // of making raw

	msgs    [rxSlots]mmsghdr
	iovs    [rxSlots]unix.Iovec
	control [rxSlots][rxControl]byte
	bufs    [rxSlots][]byte

	single bool // recvmmsg is missing: recvmsg

	// What fill got, and how far next is.
	got, slot int
	rest      []byte // of slot
	segment   int    // bytes of a datagram in rest
	tos       byte   // octet of the IP header of what next returned last

	queue codel
	now   time.Time // of fill
	held  int       // bytes that fill got, in messages from slot on

	try   func(fd uintptr) bool // r.receive, bound once
	errno syscall.Errno
}

func newReceiver(conn socket, offload bool) *receiver {
	r := &receiver{}
	r.try = r.receive
	r.raw, r.err = conn.SyscallConn()
	arena := make([]byte, rxSlots*rxSize)
	for i := range r.bufs {
		r.bufs[i] = arena[i*rxSize:][:rxSize:rxSize]
		r.iovs[i].Base = &r.bufs[i][0]
		r.iovs[i].SetLen(rxSize)
		r.msgs[i].hdr.Iov = &r.iovs[i]
		r.msgs[i].hdr.SetIovlen(1)
		r.msgs[i].hdr.Control = &r.control[i][0]
	}
	control(conn, func(fd int) {
		if offload {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_GRO, 1) // missing: one datagram a message
		}
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_RECVTOS, 1)
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS, 1) // refused: the socket is of IPv4
	})
	return r
}

// next returns the next datagram that fill got. It is good until the next fill.
func (r *receiver) next() ([]byte, bool) {
	for len(r.rest) == 0 {
		if r.slot == r.got {
			return nil, false
		}
		r.open(r.slot)
		r.slot++
	}
	n := min(r.segment, len(r.rest))
	d := r.rest[:n:n]
	r.rest = r.rest[n:]
	return d, true
}

// open makes message i the rest, but for a datagram by whose loss the sender learns that
// it is too fast.
func (r *receiver) open(i int) {
	m := &r.msgs[i]
	backlog := r.held
	r.held -= int(m.n)
	if m.hdr.Flags&unix.MSG_TRUNC != 0 {
		return
	}
	r.rest = r.bufs[i][:m.n]
	about := parseControl(r.control[i][:m.hdr.Controllen])
	r.segment, r.tos = about.segment, about.tos
	if r.segment <= 0 {
		r.segment = int(m.n)
	}
	if r.standing(about.came, backlog) && !r.markCongestion() {
		r.rest = r.rest[min(r.segment, len(r.rest)):]
	}
}

// standing tells whether what came then has stood in the queue for too long.
func (r *receiver) standing(came time.Time, backlog int) bool {
	if r.got == rxSlots {
		backlog += codelBacklog // and more is in the kernel
	}
	return !came.IsZero() && r.queue.drop(r.now, r.now.Sub(came), backlog)
}

// markCongestion sets the mark CE of RFC 3168 if the sender understands it.
func (r *receiver) markCongestion() bool {
	if r.tos&3 == 0 {
		return false
	}
	r.tos |= 3
	return true
}

// arrival is what the kernel tells about a message.
type arrival struct {
	segment int       // size of the datagrams that the kernel joined, 0 when it did not
	tos     byte      // octet of their IP headers: it joins none of different ones
	came    time.Time // when the first came; zero: not told
}

func parseControl(control []byte) (a arrival) {
	for len(control) >= unix.CmsgLen(0) {
		h, data, rest, err := unix.ParseOneSocketControlMessage(control)
		if err != nil {
			break
		}
		switch level, typ := h.Level, h.Type; {
		case level == unix.IPPROTO_UDP && typ == unix.UDP_GRO && len(data) >= 4:
			a.segment = int(*(*int32)(unsafe.Pointer(&data[0])))
		case level == unix.IPPROTO_IP && typ == unix.IP_TOS && len(data) >= 1:
			a.tos = data[0]
		case level == unix.IPPROTO_IPV6 && typ == unix.IPV6_TCLASS && len(data) >= 4:
			a.tos = byte(*(*int32)(unsafe.Pointer(&data[0])))
		case level == unix.SOL_SOCKET && typ == unix.SCM_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})):
			a.came = time.Unix((*unix.Timespec)(unsafe.Pointer(&data[0])).Unix())
		}
		control = rest
	}
	return a
}

// marks are the octets of the outer headers of what a Recv returned.
type marks struct {
	octets [batchSize]byte
	any    byte
}

func (m *marks) set(i int, tos byte) {
	m.octets[i] = tos
	m.any |= tos
}

// list is nil when all are 0.
func (m *marks) list() []byte {
	if m.any == 0 {
		return nil
	}
	return m.octets[:]
}

// fill waits for datagrams. Errors that a router or the other side caused are
// passed over; net.ErrClosed ends it.
func (r *receiver) fill() error {
	for r.err == nil {
		err := r.raw.Read(r.try)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return err // it can go on
		}
		if r.err = err; err != nil {
			break
		}
		switch {
		case r.errno == 0:
			r.look()
			return nil
		case (r.errno == unix.ENOSYS || r.errno == unix.EPERM) && !r.single:
			r.single = true
		case r.errno == unix.EPERM, r.errno != unix.EINTR && !passing(r.errno):
			return r.errno
		}
	}
	return r.err
}

// look takes the time and the size of what fill got.
func (r *receiver) look() {
	r.now, r.held = time.Now().Round(0), 0 // without the monotonic clock: the kernel tells the time of day
	for i := range r.got {
		r.held += int(r.msgs[i].n)
	}
}

// receive runs on the descriptor; it returns false to wait.
func (r *receiver) receive(fd uintptr) bool {
	for i := range r.msgs {
		r.msgs[i].hdr.SetControllen(rxControl)
		r.msgs[i].hdr.Flags = 0
	}
	r.slot, r.got, r.rest = 0, 0, nil
	if r.single {
		var n uintptr
		n, _, r.errno = unix.Syscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(&r.msgs[0].hdr)), unix.MSG_DONTWAIT)
		if r.errno == 0 {
			r.msgs[0].n, r.got = uint32(n), 1
		}
	} else {
		var n uintptr
		n, _, r.errno = unix.Syscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(&r.msgs[0])), rxSlots, unix.MSG_DONTWAIT, 0, 0)
		if r.errno == 0 {
			r.got = int(n)
		}
	}
	return r.errno != unix.EAGAIN
}
