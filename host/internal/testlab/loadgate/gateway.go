package loadgate

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
	"github.com/penstock-vpn/penstock/host/internal/transport"
)

const patience = 20 * time.Second // for a handshake, and for a dialogue

// gateway knows its sessions by cookie and by what DTLS calls them.
type gateway struct {
	config Config
	tls    *tls.Config

	mu       sync.Mutex
	byCookie map[string]*session
	byApp    map[string]*session
}

// serve runs a gateway until it cannot accept any more.
func serve(c Config) error {
	pair, err := tls.LoadX509KeyPair(c.Cert, c.Key)
	if err != nil {
		return err
	}
	g := &gateway{config: c, byCookie: map[string]*session{}, byApp: map[string]*session{}, tls: &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		DynamicRecordSizingDisabled: true, // one frame, one record
	}}
	udp, err := endpoint.ListenUDP(port)
	if err != nil {
		return err
	}
	go g.serveUDP(udp)
	l, err := net.Listen("tcp", fmt.Sprintf(":%d", port))
	if err != nil {
		return err
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			if err := g.client(conn); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", conn.RemoteAddr(), err)
			}
		}()
	}
}

// client serves one TLS connection: requests, and a tunnel if one of them asks for it.
func (g *gateway) client(conn net.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	stream, dialogue, err := transport.AcceptTLS(ctx, conn, g.tls)
	if err != nil {
		return err
	}
	defer stream.Close()
	in := bufio.NewReader(dialogue)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return ignoreEnd(err)
		}
		if r.Method == http.MethodConnect {
			return g.connect(stream, dialogue, in, r)
		}
		if err := g.login(dialogue, r); err != nil {
			return err
		}
	}
}

func ignoreEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// connect makes the stream the tunnel of the session that the cookie names, and
// serves it to its end.
func (g *gateway) connect(stream *transport.Stream, dialogue io.Writer, in *bufio.Reader, r *http.Request) error {
	s := g.sessionOf(r)
	if s == nil {
		return refuse(dialogue)
	}
	key, err := stream.Export("EXPORTER-openconnect-psk", nil, 32)
	if err != nil {
		key = nil // then without DTLS
	}
	tunnel, err := s.open(key)
	if err != nil {
		return err
	}
	defer s.close(tunnel)
	if err := s.grant(dialogue, r); err != nil {
		return err
	}
	early := make([]byte, in.Buffered())
	if _, err := io.ReadFull(in, early); err != nil {
		return err
	}
	return s.run(tunnel, stream, early)
}

// newSession makes a session and the cookie for it.
func (g *gateway) newSession() *session {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &session{config: g.config, number: len(g.byCookie), cookie: rand.Text(), app: make([]byte, 32)}
	rand.Read(s.app)
	g.byCookie[s.cookie], g.byApp[string(s.app)] = s, s
	return s
}

func (g *gateway) sessionOf(r *http.Request) *session {
	cookie, err := r.Cookie("webvpn")
	if err != nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.byCookie[cookie.Value]
}
