// Package proxy serves SOCKS5 and HTTP on one port, and connects whoever asks to a network
// that is not the machine's. The first byte tells the two apart.
//
//	address.go  where it listens, and who may ask
//	server.go   connections, and which protocol they speak
//	socks.go    messages of SOCKS5 (RFC 1928, RFC 1929)
//	connect.go  SOCKS5's CONNECT
//	udp.go      SOCKS5's UDP ASSOCIATE
//	http.go     CONNECT, and requests for a whole URL (RFC 9110, 9112)
//	relay.go    bytes both ways
//	cause.go    why something failed, in each protocol's words
//
// SOCKS5 is written here: it is small, and what is needed of it, its reply codes by cause,
// datagrams of a network that is not the machine's, a port shared with HTTP, the known
// libraries do not have. HTTP is net/http's.
package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

const (
	// mostClients is how many connections there are at a time; more are closed at once.
	mostClients = 1024
	// greeting is how long a client may take to say what it wants.
	greeting = 20 * time.Second
)

// Network is what clients are connected to.
type Network interface {
	// Dial connects to a host, by name or address.
	Dial(ctx context.Context, host string, port uint16) (net.Conn, error)
	// Resolve returns the addresses of a host that may be reached, one at least.
	Resolve(ctx context.Context, host string) ([]netip.Addr, error)
	// ListenUDP returns a socket for datagrams on a free port, of IPv6 or IPv4.
	ListenUDP(v6 bool) (net.PacketConn, error)
}

// Server is a proxy that serves.
type Server struct {
	network Network
	who     *Credentials // nil: everybody
	log     *slog.Logger

	ctx     context.Context // ends with the server
	cancel  context.CancelFunc
	http    *http.Server
	web     *handed
	running sync.WaitGroup

	mu      sync.Mutex       // guards what follows
	clients map[*client]bool // nil: closed
	full    bool             // it was said that there are too many
}

// Serve serves l, which belongs to the server from now on.
func Serve(l net.Listener, n Network, who *Credentials, log *slog.Logger) *Server {
	s := &Server{network: n, who: who, log: log, clients: map[*client]bool{}, web: newHanded(l.Addr())}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.http = s.newHTTP()
	s.running.Go(func() { _ = s.http.Serve(s.web) })
	s.running.Go(func() { s.accept(l) })
	context.AfterFunc(s.ctx, func() { _ = l.Close() })
	return s
}

// Close ends the server and every connection, and returns when they have ended.
func (s *Server) Close() error {
	s.cancel()
	s.mu.Lock()
	clients := s.clients
	s.clients = nil
	s.mu.Unlock()
	for c := range clients {
		_ = c.Close()
	}
	err := s.http.Close()
	s.running.Wait()
	return err
}

func (s *Server) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		switch {
		case err == nil:
			s.admit(c)
		case errors.Is(err, net.ErrClosed):
			return
		default: // such as too many open files: it passes
			s.log.Debug("the proxy could not take a connection: " + err.Error())
			select {
			case <-time.After(100 * time.Millisecond):
			case <-s.ctx.Done():
				return
			}
		}
	}
}

// admit takes a client unless there are too many.
func (s *Server) admit(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.clients == nil:
		_ = c.Close()
		return
	case len(s.clients) >= mostClients:
		if !s.full {
			s.full = true
			s.log.Warn("the proxy has as many clients as it takes, and turns others away")
		}
		_ = c.Close()
		return
	}
	admitted := &client{Conn: c, closed: make(chan struct{})}
	admitted.gone = sync.OnceFunc(func() {
		s.forget(admitted)
		close(admitted.closed)
	})
	s.clients[admitted] = true
	s.running.Go(func() { s.serve(admitted) })
}

func (s *Server) forget(c *client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.clients, c)
}

// serve reads the first byte.
func (s *Server) serve(c *client) {
	_ = c.SetDeadline(time.Now().Add(greeting))
	var first [1]byte
	if _, err := io.ReadFull(c, first[:]); err != nil {
		_ = c.Close()
		return
	}
	switch first[0] {
	case socksVersion:
		s.socks(c)
		_ = c.Close()
	case socks4Version:
		_, _ = c.Write(socks4Refusal)
		_ = c.Close()
	default:
		_ = c.SetDeadline(time.Time{}) // net/http has its own
		c.pending = first[:]
		s.web.hand(c)
		<-c.closed
	}
}

// client is a connection of a client, with what was read of it already.
type client struct {
	net.Conn
	pending []byte
	gone    func()
	closed  chan struct{}
}

func (c *client) Read(b []byte) (int, error) {
	if len(c.pending) > 0 {
		n := copy(b, c.pending)
		c.pending = c.pending[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

func (c *client) Close() error {
	c.gone()
	return c.Conn.Close()
}

// CloseWrite ends what is sent, and leaves the other direction.
func (c *client) CloseWrite() error { return closeWrite(c.Conn) }

// handed is the listener of net/http: its connections were accepted elsewhere.
type handed struct {
	conns chan net.Conn
	done  chan struct{}
	close func()
	at    net.Addr
}

func newHanded(at net.Addr) *handed {
	h := &handed{conns: make(chan net.Conn), done: make(chan struct{}), at: at}
	h.close = sync.OnceFunc(func() { close(h.done) })
	return h
}

func (h *handed) hand(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.done:
		_ = c.Close()
	}
}

// Accept implements net.Listener.
func (h *handed) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handed) Close() error {
	h.close()
	return nil
}

// Addr implements net.Listener.
func (h *handed) Addr() net.Addr { return h.at }
