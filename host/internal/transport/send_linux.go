package transport

import (
	"fmt"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	maxSegments = 64    // UDP_MAX_SEGMENTS of the kernels that have the fewest
	maxGSO      = 65000 // bytes of one message, below 65535 less the headers
)

// sendControl is the control data of a message: UDP_SEGMENT, the octet of its IP
// headers, or both.
type sendControl struct {
	segment struct {
		hdr  unix.Cmsghdr
		size uint16
		_    [unix.SizeofPtr - 2]byte
	}
	tos struct {
		hdr   unix.Cmsghdr
		octet int32
		_     [unix.SizeofPtr - 4]byte
	}
}

const (
	segmentSpace = unsafe.Offsetof(sendControl{}.tos)
	tosSpace     = unsafe.Sizeof(sendControl{}) - segmentSpace
)

// group is the datagrams of one message: several of one size, the last maybe shorter.
type group struct{ first, count int }

// sender writes datagrams in batches: UDP_SEGMENT for runs of one size and one octet
// of the IP header, sendmmsg over the runs. Those and the octet are switched off when
// the kernel refuses them. Nothing is allocated after newSender.
type sender struct {
	mu  sync.Mutex
	raw syscall.RawConn
	err error // of making raw

	msgs    [batchSize]mmsghdr
	iovs    [batchSize]unix.Iovec
	control [batchSize]sendControl
	groups  [batchSize]group
	tos     []byte // of the iovs; nil: all 0

	noSegment bool // UDP_SEGMENT is missing or broken
	noTOS     bool // the octet cannot be said
	single    bool // sendmmsg is missing: sendmsg

	// The messages that try is to send, and how far it came.
	next, end int
	try       func(fd uintptr) bool // s.transmit, bound once
	errno     syscall.Errno
}

func newSender(conn socket, offload bool) *sender {
	s := &sender{}
	s.try = s.transmit
	s.raw, s.err = conn.SyscallConn()
	level, option := int32(unix.IPPROTO_IP), int32(unix.IP_TOS)
	control(conn, func(fd int) {
		if family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN); err == nil && family == unix.AF_INET6 {
			level, option = unix.IPPROTO_IPV6, unix.IPV6_TCLASS
		}
		_, err := unix.GetsockoptInt(fd, unix.IPPROTO_UDP, unix.UDP_SEGMENT)
		s.noSegment = err != nil || !offload
	})
	for i := range s.control {
		segment, tos := &s.control[i].segment.hdr, &s.control[i].tos.hdr
		segment.Level, segment.Type = unix.IPPROTO_UDP, unix.UDP_SEGMENT
		segment.SetLen(unix.CmsgLen(2))
		tos.Level, tos.Type = level, option
		tos.SetLen(unix.CmsgLen(4))
	}
	return s
}

// send sends each bufs[i][offset:] as one datagram, with tos[i] in the IP header; nil
// is 0 for all. It returns an error that wraps EMSGSIZE when some were too large for the
// path, or net.ErrClosed; what else the network refuses is lost.
func (s *sender) send(bufs [][]byte, offset int, tos []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var oversize error
	for len(bufs) > 0 && s.err == nil {
		n := min(len(bufs), batchSize)
		for i, b := range bufs[:n] {
			s.iovs[i].Base = unsafe.SliceData(b[offset:])
			s.iovs[i].SetLen(len(b) - offset)
		}
		if s.tos = nil; len(tos) > 0 && !s.noTOS {
			s.tos, tos = tos[:n], tos[n:]
		}
		if err := s.sendAll(s.pack(n), n); err != nil {
			oversize = err
		}
		bufs = bufs[n:]
	}
	if s.err != nil {
		return s.err
	}
	return oversize
}

// pack groups the first n iovs into messages and returns how many.
func (s *sender) pack(n int) int {
	msgs := 0
	for i := 0; i < n; {
		g := group{i, 1}
		if !s.noSegment {
			g.count = s.run(i, n)
		}
		s.message(msgs, g)
		i += g.count
		msgs++
	}
	return msgs
}

// run counts the datagrams from i on that can be segments of one message.
func (s *sender) run(i, n int) int {
	size, total, count := s.iovs[i].Len, s.iovs[i].Len, 1
	for count < maxSegments && i+count < n && size > 0 {
		next := s.iovs[i+count].Len
		if next > size || next == 0 || total+next > maxGSO || s.tos != nil && s.tos[i+count] != s.tos[i] {
			break
		}
		count, total = count+1, total+next
		if next < size {
			break
		}
	}
	return count
}

// message makes message m of group g.
func (s *sender) message(m int, g group) {
	s.groups[m] = g
	h := &s.msgs[m].hdr
	h.Iov = &s.iovs[g.first]
	h.SetIovlen(g.count)
	h.Control = nil
	h.SetControllen(0)
	c := &s.control[m]
	if g.count > 1 {
		c.segment.size = uint16(s.iovs[g.first].Len)
		h.Control = (*byte)(unsafe.Pointer(c))
		h.SetControllen(int(segmentSpace))
	}
	if s.marked(g) {
		c.tos.octet = int32(s.tos[g.first])
		if g.count > 1 {
			h.SetControllen(int(segmentSpace + tosSpace))
		} else {
			h.Control = (*byte)(unsafe.Pointer(&c.tos))
			h.SetControllen(int(tosSpace))
		}
	}
}

// marked says whether the octet of a group is not 0.
func (s *sender) marked(g group) bool { return s.tos != nil && s.tos[g.first] != 0 }

// sendAll sends messages [0, msgs), which hold n datagrams. A message that is
// refused is taken apart, or lost.
func (s *sender) sendAll(msgs, n int) error {
	var oversize error
	retried, doubted := false, false
	for s.next, s.end = 0, msgs; s.next < s.end && s.err == nil; {
		if s.err = s.raw.Write(s.try); s.err != nil || s.errno == 0 {
			continue
		}
		errno, g := s.errno, s.groups[s.next]
		switch {
		case errno == unix.EINTR:
		case errno == unix.ENOSYS && !s.single:
			s.single = true
		case errno == unix.EPERM && !s.single: // by a filter of system calls, or of packets
			s.single, doubted = true, true
		case errno == unix.EPERM && doubted:
			s.single, doubted = false, false
			s.next++
		case errno == unix.ECONNREFUSED && !retried:
			retried = true // about an earlier datagram
		case g.count > 1:
			return s.takeApart(errno, n)
		case s.marked(g) && !passing(errno):
			s.unmark()
		default:
			if errno == unix.EMSGSIZE {
				oversize = fmt.Errorf("transport: datagram of %d bytes: %w", s.iovs[g.first].Len, errno)
			}
			s.next++
		}
	}
	return oversize
}

// takeApart sends what is left of a batch one datagram a message, after the kernel
// refused segments. When that goes well, segmentation itself was at fault, and is
// not tried again; otherwise the size was.
func (s *sender) takeApart(refused syscall.Errno, n int) error {
	left, tos := 0, s.tos
	for i := s.groups[s.next].first; i < n; i++ {
		s.message(left, group{i, 1})
		left++
	}
	err := s.sendAll(left, n)
	if err == nil && s.err == nil && !passing(refused) && (tos == nil || s.tos != nil) {
		s.noSegment = true
	}
	return err
}

// unmark leaves the octet of what is left of a batch at 0, and of all that follows.
func (s *sender) unmark() {
	s.noTOS, s.tos = true, nil
	for m := s.next; m < s.end; m++ {
		s.message(m, s.groups[m])
	}
}

// transmit runs on the descriptor; it returns false to wait until it can send.
func (s *sender) transmit(fd uintptr) bool {
	for s.next < s.end {
		n := uintptr(1)
		m := uintptr(unsafe.Pointer(&s.msgs[s.next]))
		if s.single {
			_, _, s.errno = unix.Syscall(unix.SYS_SENDMSG, fd, m, unix.MSG_DONTWAIT)
		} else {
			n, _, s.errno = unix.Syscall6(unix.SYS_SENDMMSG, fd, m, uintptr(s.end-s.next), unix.MSG_DONTWAIT, 0, 0)
		}
		if s.errno != 0 {
			return s.errno != unix.EAGAIN
		}
		s.next += int(n)
	}
	return true
}
