package transport

import (
	"context"
	"crypto/tls"
	"io"
	"net"

	"github.com/penstock-vpn/penstock/host/internal/dtls"
)

// The gateway's side of the transports, for the one that the lab measures against:
// its wires are those of a client.

// AcceptTLS shakes hands with the client at conn. What is said before the tunnel
// goes through dialogue, uncorked; then the stream's Wire takes over.
func AcceptTLS(ctx context.Context, conn net.Conn, c *tls.Config) (s *Stream, dialogue io.ReadWriter, err error) {
	s = &Stream{raw: conn, cork: newCork(conn)}
	s.tls = tls.Server(s.cork, c)
	s.conn = s.tls
	if err := s.tls.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, nil, err
	}
	s.describe(&TLSInfo{})
	return s, s.tls, nil
}

// AcceptDTLS shakes hands with the client that conn is connected to; first is the
// datagram that came before. conn belongs to the association, or is closed.
func AcceptDTLS(ctx context.Context, conn *net.UDPConn, first []byte, c dtls.Config) (*DTLS, error) {
	tuneDatagrams(conn)
	session, err := dtls.Server(ctx, conn, first, c)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	t := &DTLS{conn: conn, session: session, offload: true, info: packetInfo("dtls", conn)}
	t.info.Cipher = session.Suite().Name
	t.info.Overhead += session.Suite().Overhead()
	return t, nil
}

// AcceptUDP takes conn, which is connected to the client.
func AcceptUDP(conn *net.UDPConn) *Packets {
	tuneDatagrams(conn)
	return &Packets{conn: conn, info: packetInfo("udp", conn), offload: true}
}
