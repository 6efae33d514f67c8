package proxy

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	mostDatagram = 65535 // bytes, with SOCKS5's header before it
	// patience is how long a datagram may wait before it is lost.
	patience = 100 * time.Millisecond
)

// association carries datagrams of one client, for as long as the connection that asked
// for them stands. The client's are taken from its address alone, and from the port of
// its first one.
//
//	client --outer--> header off --inner--> host inside
//	client <--outer-- header on  <--inner-- whoever answers
type association struct {
	server *Server
	outer  *net.UDPConn
	from   netip.Addr // the client's

	mu     sync.Mutex // guards what follows
	client netip.AddrPort
	inner  map[bool]net.PacketConn // by whether it is of IPv6; nil: over
	loops  sync.WaitGroup
}

// associate serves UDP ASSOCIATE until the client closes its connection.
func (s *Server) associate(c *client) {
	local := addrPort(c.LocalAddr()).Addr().Unmap()
	outer, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		s.log.Debug("the proxy has no socket for datagrams: " + err.Error())
		s.answer(c, replyFailed, netip.AddrPort{})
		return
	}
	a := &association{server: s, outer: outer, from: addrPort(c.RemoteAddr()).Addr().Unmap(), inner: map[bool]net.PacketConn{}}
	ctx, cancel := context.WithCancel(s.ctx)
	stop := context.AfterFunc(ctx, func() { a.close(c) })
	defer stop()
	if s.answer(c, replyDone, addrPort(outer.LocalAddr())) {
		a.loops.Go(func() { a.outbound(ctx) })
		_, _ = io.Copy(io.Discard, c)
	}
	cancel()
	a.close(c)
	a.loops.Wait()
}

func (a *association) close(c *client) {
	_, _ = c.Close(), a.outer.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, inner := range a.inner {
		_ = inner.Close()
	}
	a.inner = nil
}

// outbound sends what the client sends. What cannot be sent is lost, as a datagram is.
func (a *association) outbound(ctx context.Context) {
	buf := make([]byte, mostDatagram)
	for {
		n, from, err := a.outer.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if !a.mine(from) {
			continue
		}
		to, payload, ok := parseDatagram(buf[:n])
		if !ok {
			continue
		}
		if err := a.send(ctx, to, payload); err != nil {
			a.server.log.Debug("the proxy lost a datagram: " + err.Error())
		}
	}
}

// mine says whether a datagram is the client's.
func (a *association) mine(from netip.AddrPort) bool {
	from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.client.IsValid() && from.Addr() == a.from {
		a.client = from
	}
	return from == a.client
}

func (a *association) send(ctx context.Context, to endpoint, payload []byte) error {
	found, err := a.server.network.Resolve(ctx, to.host)
	if err != nil {
		return err
	}
	inner, err := a.socket(found[0].Is6())
	if err != nil {
		return err
	}
	// A socket holds back its sender while nothing leaves, as when the tunnel reconnects.
	_ = inner.SetWriteDeadline(time.Now().Add(patience))
	_, err = inner.WriteTo(payload, net.UDPAddrFromAddrPort(netip.AddrPortFrom(found[0], to.port)))
	return err
}

// socket is the one of a family, made when it is needed first.
func (a *association) socket(v6 bool) (net.PacketConn, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if inner := a.inner[v6]; inner != nil {
		return inner, nil
	}
	if a.inner == nil {
		return nil, net.ErrClosed
	}
	inner, err := a.server.network.ListenUDP(v6)
	if err != nil {
		return nil, err
	}
	a.inner[v6] = inner
	a.loops.Go(func() { a.inbound(inner) })
	return inner, nil
}

// inbound passes on what comes from inside.
func (a *association) inbound(inner net.PacketConn) {
	buf := make([]byte, mostDatagram)
	var out []byte
	for {
		n, from, err := inner.ReadFrom(buf)
		if err != nil {
			return
		}
		a.mu.Lock()
		client := a.client
		a.mu.Unlock()
		out = append(appendAddress(append(out[:0], 0, 0, 0), addrPort(from)), buf[:n]...)
		_, _ = a.outer.WriteToUDPAddrPort(out, client)
	}
}

// parseDatagram takes the header off a client's datagram. One of several fragments is
// dropped, as RFC 1928 allows.
func parseDatagram(b []byte) (to endpoint, payload []byte, ok bool) {
	if len(b) < 3 || b[0] != 0 || b[1] != 0 || b[2] != 0 {
		return to, nil, false
	}
	r := bytes.NewReader(b[3:])
	to, err := readEndpoint(r)
	return to, b[len(b)-r.Len():], err == nil && to.port != 0
}
