package loadgate

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/dtls"
	"github.com/penstock-vpn/penstock/host/internal/transport"
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

func listenUDP() (*net.UDPConn, error) {
	c := net.ListenConfig{Control: shared}
	l, err := c.ListenPacket(context.Background(), "udp", fmt.Sprintf(":%d", port))
	if err != nil {
		return nil, err
	}
	return l.(*net.UDPConn), nil
}

// serveUDP gives handshakes to the sessions that they name.
func (g *gateway) serveUDP(l *net.UDPConn) {
	buf := make([]byte, 65535)
	for {
		n, from, err := l.ReadFromUDPAddrPort(buf)
		if err != nil {
			fmt.Fprintln(os.Stderr, "udp:", err)
			return
		}
		g.mu.Lock()
		s := g.byApp[string(dtls.HelloSessionID(buf[:n]))]
		g.mu.Unlock()
		if s == nil || !s.shaking.TryLock() {
			continue
		}
		first := bytes.Clone(buf[:n])
		go func() {
			defer s.shaking.Unlock()
			if err := s.dtls(from, first); err != nil {
				fmt.Fprintf(os.Stderr, "%s: dtls: %v\n", from, err)
			}
		}()
	}
}

// dtls shakes hands with the client and makes the association its way.
func (s *session) dtls(from netip.AddrPort, first []byte) error {
	s.mu.Lock()
	key := s.key
	s.mu.Unlock()
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	d := net.Dialer{Control: shared, LocalAddr: &net.UDPAddr{Port: port}}
	conn, err := d.Dial("udp", from.String())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t, err := transport.AcceptDTLS(ctx, conn.(*net.UDPConn), first, dtls.Config{PSK: key, PSKIdentity: "psk"})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: DTLS, %s\n", s.v4(), t.Info().Cipher)
	if err := s.carry(t.Wire(), overDTLS, "dtls", t.Info().Overhead); err != nil {
		t.Close()
		return err
	}
	return nil
}
