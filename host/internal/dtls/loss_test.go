package dtls

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pion "github.com/pion/dtls/v3"
	"github.com/pion/dtls/v3/pkg/crypto/selfsign"
)

// network joins a client and a server in memory. deliver says how often the n-th
// datagram (from 0) of a direction arrives: 0, 1, 2.
type network struct {
	client, server net.Conn
	deliver        func(fromClient bool, n int) int
}

func newNetwork(t *testing.T, deliver func(fromClient bool, n int) int) *network {
	a, b := net.Pipe()
	c, d := net.Pipe()
	w := &network{client: a, server: d, deliver: deliver}
	go w.carry(b, c, true)
	go w.carry(c, b, false)
	t.Cleanup(func() {
		for _, conn := range []net.Conn{a, b, c, d} {
			_ = conn.Close()
		}
	})
	return w
}

// carry queues without bound, so that nobody waits for the other side.
func (w *network) carry(from, to net.Conn, fromClient bool) {
	queue := make(chan []byte, 1000)
	go func() {
		for d := range queue {
			_, _ = to.Write(d)
		}
	}()
	defer close(queue)
	buf := make([]byte, maxDatagram)
	for n := 0; ; n++ {
		size, err := from.Read(buf)
		if err != nil {
			return
		}
		for range w.deliver(fromClient, n) {
			queue <- slices.Clone(buf[:size])
		}
	}
}

// packetConn is what pion wants of a net.Conn.
type packetConn struct{ net.Conn }

func (c packetConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, err := c.Read(p)
	return n, c.RemoteAddr(), err
}

func (c packetConn) WriteTo(p []byte, _ net.Addr) (int, error) { return c.Write(p) }

// oneSession is a store that knows the session that the tests resume.
type oneSession struct{ suite pion.CipherSuiteID }

func (s oneSession) Set([]byte, pion.Session) error { return nil }
func (s oneSession) Del([]byte) error               { return nil }

func (s oneSession) Get(id []byte) (pion.Session, error) {
	if string(id) != testSession {
		return pion.Session{}, errors.New("no such session")
	}
	return pion.Session{ID: id, Secret: testMaster, Version: 1, CipherSuiteID: s.suite, PSKHash: sha256.Sum256(testPSK)}, nil
}

const testSession = "0123456789abcdef0123456789abcdef"

var testMaster = []byte(strings.Repeat("m", masterSize))

// echo is a pion server that answers in upper case until the test ends.
func echo(t *testing.T, conn net.Conn, options []pion.ServerOption) {
	server, err := pion.ServerWithOptions(packetConn{conn}, conn.RemoteAddr(), options...)
	if err != nil {
		t.Error(err)
		return
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		buf := make([]byte, 2048)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			_, _ = server.Write([]byte(strings.ToUpper(string(buf[:n]))))
		}
	}()
}

// way is a kind of handshake: both sides' parameters.
type way struct {
	client Config
	server []pion.ServerOption
}

// ways are the two kinds of handshake.
func ways(t *testing.T) map[string]way {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := selfsign.SelfSign(key)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]way{
		"psk": {
			Config{PSK: testPSK, PSKIdentity: "psk", Timeout: 10 * time.Minute},
			[]pion.ServerOption{
				pion.WithPSK(func([]byte) ([]byte, error) { return testPSK, nil }),
				pion.WithCipherSuites(pion.TLS_PSK_WITH_AES_128_GCM_SHA256),
			},
		},
		"resumption": {
			Config{MasterSecret: testMaster, SessionID: []byte(testSession), Timeout: 10 * time.Minute},
			[]pion.ServerOption{
				pion.WithCertificates(cert),
				pion.WithCipherSuites(pion.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
				pion.WithSessionStore(oneSession{pion.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384}),
			},
		},
	}
}

// hold runs a handshake and says hello until it is answered: a lost last flight is
// repaired by what the server then repeats.
func hold(t *testing.T, client Config, server []pion.ServerOption, deliver func(bool, int) int) {
	t.Helper()
	w := newNetwork(t, deliver)
	echo(t, w.server, server)
	c := connect(t, w.client, client)
	for range 20 {
		c.send("hello")
		if got, ok := c.receiveWithin(5 * time.Second); ok {
			if got != "HELLO" {
				t.Errorf("got %q", got)
			}
			return
		}
	}
	t.Error("no answer through the tunnel")
}

// receiveWithin returns the next payload, repeating the last flight when wanted.
func (p *pipeConn) receiveWithin(limit time.Duration) (string, bool) {
	buf, dst := make([]byte, maxDatagram), make([]byte, maxDatagram)
	_ = p.conn.SetReadDeadline(time.Now().Add(limit))
	for {
		size, err := p.conn.Read(buf)
		if err != nil {
			return "", false
		}
		for rest := buf[:size]; len(rest) > 0; {
			var n int
			if n, rest, err = p.Open(dst, rest); err != nil {
				p.t.Fatal(err)
			} else if n >= 0 {
				return string(dst[:n]), true
			}
		}
		if p.FlightWanted() {
			flight, err := p.LastFlight()
			if err != nil {
				p.t.Fatal(err)
			}
			_, _ = p.conn.Write(flight)
		}
	}
}

// TestHandshakeSurvivesLoss loses, and doubles, each of the first datagrams of each
// direction, one at a time and all up to there.
func TestHandshakeSurvivesLoss(t *testing.T) {
	for kind, c := range ways(t) {
		for n := range 6 {
			patterns := map[string]func(bool, int) int{
				fmt.Sprintf("client's %d lost", n):     func(client bool, i int) int { return times(!(client && i == n)) },
				fmt.Sprintf("server's %d lost", n):     func(client bool, i int) int { return times(client || i != n) },
				fmt.Sprintf("first %d lost", n):        func(_ bool, i int) int { return times(i >= n) },
				fmt.Sprintf("client's %d twice", n):    func(client bool, i int) int { return 1 + times(client && i == n) },
				fmt.Sprintf("server's to %d twice", n): func(client bool, i int) int { return 1 + times(!client && i <= n) },
			}
			for name, deliver := range patterns {
				t.Run(kind+" "+name, func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { hold(t, c.client, c.server, deliver) })
				})
			}
		}
	}
}

func times(once bool) int {
	if once {
		return 1
	}
	return 0
}

func TestHandshakeGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, func(bool, int) int { return 0 })
		start := time.Now()
		_, err := Client(t.Context(), w.client, Config{PSK: testPSK})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != DefaultTimeout {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestHandshakeIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newNetwork(t, func(bool, int) int { return 0 })
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(3500*time.Millisecond, cancel)
		if _, err := Client(ctx, w.client, Config{PSK: testPSK}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestUnknownSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := ways(t)["resumption"]
		w := newNetwork(t, func(bool, int) int { return 1 })
		echo(t, w.server, c.server)
		c.client.SessionID = []byte("another")
		_, err := Client(t.Context(), w.client, c.client)
		if err == nil {
			t.Error("resumed a session that the server does not know")
		}
	})
}
