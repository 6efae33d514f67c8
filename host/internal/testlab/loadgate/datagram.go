package loadgate

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"

	"github.com/penstock-vpn/penstock/host/internal/dtls"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
	"github.com/penstock-vpn/penstock/host/internal/transport"
)

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
	conn, err := endpoint.DialUDP(port, from)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	t, err := transport.AcceptDTLS(ctx, conn, first, dtls.Config{PSK: key, PSKIdentity: "psk"})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: DTLS, %s\n", s.v4(), t.Info().Cipher)
	if err := s.carry(t.Wire(), t.Info().Overhead); err != nil {
		t.Close()
		return err
	}
	return nil
}
