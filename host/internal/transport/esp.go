package transport

import (
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/esp"
)

// ESP returns the socket as one that carries ESP, after Drain or instead of Plaintext.
func (p *Packets) ESP() esp.Socket {
	return &espSocket{p: p, rx: newReceiver(p.conn, p.offload), tx: newSender(p.conn, p.offload)}
}

// espSocket is an esp.Socket that knows its path MTU and can fragment.
type espSocket struct {
	p  *Packets
	rx *receiver
	tx *sender

	cut atomic.Bool // all goes in fragments that has to
}

// Send sends each bufs[i][offset:]. What the network refuses for another reason than
// its size is lost.
func (s *espSocket) Send(bufs [][]byte, offset int) error { return s.tx.send(bufs, offset, nil) }

// SendMarked is Send with octets for the IP headers.
func (s *espSocket) SendMarked(bufs [][]byte, offset int, tos []byte) error {
	return s.tx.send(bufs, offset, tos)
}

// SendFragmented sends a datagram that is too large for the path.
func (s *espSocket) SendFragmented(datagram []byte) error {
	if s.cut.Load() {
		return s.tx.send([][]byte{datagram}, 0, nil)
	}
	if err := sendFragmented(s.p.conn, datagram); err != nil && !passing(err) {
		return err
	}
	return nil
}

// Fragment has what is too large for the path go in fragments from now on.
func (s *espSocket) Fragment() {
	s.cut.Store(true)
	dontFragment(s.p.conn, false)
}

// Fill waits for datagrams.
func (s *espSocket) Fill() error { return s.rx.fill() }

// Next is the next datagram that Fill got.
func (s *espSocket) Next() ([]byte, bool) {
	datagram, ok := s.rx.next()
	return s.p.payload(datagram), ok
}

// TOS is the octet of the IP header that the datagram of Next had.
func (s *espSocket) TOS() byte { return s.rx.tos }

// PathMTU is the path MTU the kernel knows now, in bytes of an IP packet; 0 when unknown.
func (s *espSocket) PathMTU() int { return udpPathMTU(s.p.conn) }

// Close ends the socket.
func (s *espSocket) Close() error { return s.p.Close() }

// sendFragmented lets the kernel cut one datagram into fragments: key exchanges send
// such ones, whose certificates do not fit the path. Nothing else may be sent meanwhile.
func sendFragmented(conn socket, datagram []byte) error {
	dontFragment(conn, false)
	defer dontFragment(conn, true)
	_, err := conn.Write(datagram)
	return err
}

// dontFragment sets the don't-fragment bit for what is sent from now on, and keeps to
// the path MTU; or lets routers and the kernel fragment.
func dontFragment(conn socket, on bool) {
	v4, v6 := unix.IP_PMTUDISC_DONT, unix.IPV6_PMTUDISC_WANT // IPv6: by the sender only, who must know the path MTU
	if on {
		v4, v6 = unix.IP_PMTUDISC_DO, unix.IPV6_PMTUDISC_DO
	}
	is4 := addrPort(conn.RemoteAddr()).Addr().Is4()
	control(conn, func(fd int) {
		if is4 {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MTU_DISCOVER, v4)
		} else {
			_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, v6)
		}
	})
}
