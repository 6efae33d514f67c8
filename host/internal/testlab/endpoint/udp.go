package endpoint

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// One socket hears every client's first datagram. Each client then has a socket of
// its own, bound to the same port and connected, which the kernel prefers.

// shared lets sockets have the same port.
func shared(_, _ string, c syscall.RawConn) (err error) {
	failed := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	})
	if failed != nil {
		return failed
	}
	return err
}

// ListenUDP opens the socket for first datagrams.
func ListenUDP(port int) (*net.UDPConn, error) {
	c := net.ListenConfig{Control: shared}
	l, err := c.ListenPacket(context.Background(), "udp", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, err
	}
	return l.(*net.UDPConn), nil
}

// DialUDP opens the socket for the client that first datagrams came from.
func DialUDP(port int, to netip.AddrPort) (*net.UDPConn, error) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	d := net.Dialer{Control: shared, LocalAddr: &net.UDPAddr{Port: port}}
	conn, err := d.Dial("udp", to.String())
	if err != nil {
		return nil, err
	}
	return conn.(*net.UDPConn), nil
}
