package dtls

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pion "github.com/pion/dtls/v3"
)

var serverConfig = Config{PSK: testPSK, PSKIdentity: "psk", Timeout: 10 * time.Minute}

// accept runs the server's half and answers in upper case; its error goes to failed.
func accept(t *testing.T, conn net.Conn, c Config, failed chan<- error) {
	first := make([]byte, maxDatagram)
	n, err := conn.Read(first)
	var s *Session
	if err == nil {
		s, err = Server(t.Context(), conn, first[:n], c)
	}
	if failed <- err; err != nil {
		return
	}
	p := &pipeConn{t, s, conn}
	for {
		got, ok := p.receiveWithin(time.Hour)
		if !ok {
			return
		}
		p.send(strings.ToUpper(got))
	}
}

// pair is both ends of a UDP association on this machine.
func pair(t *testing.T) (client, server net.Conn) {
	t.Helper()
	l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	client = dialUDP(t, l.LocalAddr().String())
	return client, packetsTo{l, client.LocalAddr()}
}

// packetsTo makes an open socket a connected one.
type packetsTo struct {
	*net.UDPConn
	to net.Addr
}

func (p packetsTo) Write(b []byte) (int, error) { return p.WriteTo(b, p.to) }

// As with the client, each of the first datagrams gets lost and comes twice.
func TestServerSurvivesLoss(t *testing.T) {
	for n := range 4 {
		for name, deliver := range map[string]func(bool, int) int{
			fmt.Sprintf("client's %d lost", n):     func(client bool, i int) int { return times(!(client && i == n)) },
			fmt.Sprintf("server's %d lost", n):     func(client bool, i int) int { return times(client || i != n) },
			fmt.Sprintf("first %d lost", n):        func(_ bool, i int) int { return times(i >= n) },
			fmt.Sprintf("client's %d twice", n):    func(client bool, i int) int { return 1 + times(client && i == n) },
			fmt.Sprintf("server's to %d twice", n): func(client bool, i int) int { return 1 + times(!client && i <= n) },
		} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newNetwork(t, deliver)
					go accept(t, w.server, serverConfig, make(chan error, 1))
					c := connect(t, w.client, serverConfig)
					for range 20 {
						c.send("hello")
						if got, ok := c.receiveWithin(5 * time.Second); ok && got == "HELLO" {
							return
						}
					}
					t.Error("no answer through the tunnel")
				})
			})
		}
	}
}

func TestServerTakesTheSuiteItLikesBest(t *testing.T) {
	for _, suite := range []string{"TLS_PSK_WITH_AES_256_GCM_SHA384", "TLS_PSK_WITH_AES_128_GCM_SHA256", "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256"} {
		client, server := pair(t)
		c := serverConfig
		c.CipherSuites = []string{suite}
		go accept(t, server, c, make(chan error, 1))
		if got := connect(t, client, serverConfig).Suite().Name; got != suite {
			t.Errorf("the suite is %s, want %s", got, suite)
		}
	}
}

func TestServerRefuses(t *testing.T) {
	for what, c := range map[string]Config{
		"another key":      {PSK: []byte("another"), PSKIdentity: "psk"},
		"another identity": {PSK: testPSK, PSKIdentity: "someone"},
		"no common suite":  {PSK: testPSK, PSKIdentity: "psk", CipherSuites: []string{"TLS_PSK_WITH_CHACHA20_POLY1305_SHA256"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newNetwork(t, func(bool, int) int { return 1 })
			failed := make(chan error, 1)
			mine := Config{PSK: testPSK, PSKIdentity: "psk", CipherSuites: []string{"TLS_PSK_WITH_AES_128_GCM_SHA256"}}
			go accept(t, w.server, mine, failed)
			if _, err := Client(t.Context(), w.client, c); err == nil {
				t.Errorf("%s: the client has a session", what)
			}
			if err := <-failed; err == nil {
				t.Errorf("%s: taken", what)
			}
		})
	}
}

func TestServerWithPion(t *testing.T) {
	for _, suite := range []pion.CipherSuiteID{pion.TLS_PSK_WITH_AES_128_GCM_SHA256, pion.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256} {
		client, server := pair(t)
		go accept(t, server, serverConfig, make(chan error, 1))
		conn, err := pion.ClientWithOptions(packetConn{client}, client.RemoteAddr(), pion.WithCipherSuites(suite),
			pion.WithPSK(func([]byte) ([]byte, error) { return testPSK, nil }), pion.WithPSKIdentityHint([]byte("psk")))
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 100)
		if _, err := io.WriteString(conn, "hello"); err != nil {
			t.Fatal(err)
		}
		if n, err := conn.Read(got); err != nil || string(got[:n]) != "HELLO" {
			t.Errorf("got %q, %v", got[:n], err)
		}
	}
}

func TestServerWithOpenSSL(t *testing.T) {
	for _, suite := range []string{"PSK-AES256-GCM-SHA384", "PSK-AES128-GCM-SHA256", "PSK-CHACHA20-POLY1305"} {
		l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		cmd := exec.Command("openssl", "s_client", "-dtls1_2", "-quiet", "-connect", l.LocalAddr().String(),
			"-psk", strings.Repeat("5a", 32), "-psk_identity", "psk", "-cipher", suite)
		in, _ := cmd.StdinPipe()
		out, _ := cmd.StdoutPipe()
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		first := make([]byte, maxDatagram)
		n, from, err := l.ReadFrom(first)
		if err != nil {
			t.Fatal(err)
		}
		s, err := Server(t.Context(), packetsTo{l, from}, first[:n], serverConfig)
		if err != nil {
			t.Fatal(err)
		}
		p := &pipeConn{t, s, packetsTo{l, from}}
		io.WriteString(in, "hello\n")
		if got, err := p.receive(); err != nil || got != "hello\n" {
			t.Errorf("%s: got %q, %v", suite, got, err)
		}
		p.send("welcome\n")
		got := make([]byte, 8)
		if _, err := io.ReadFull(out, got); err != nil || string(got) != "welcome\n" {
			t.Errorf("%s: the client got %q, %v", suite, got, err)
		}
		cmd.Process.Kill()
		cmd.Wait()
	}
}

func TestHelloSessionID(t *testing.T) {
	hs, err := newHandshake(Config{PSK: testPSK, PSKIdentity: "psk", SessionID: []byte(testSession)})
	if err != nil {
		t.Fatal(err)
	}
	hello, err := hs.datagramOut()
	if err != nil {
		t.Fatal(err)
	}
	if got := HelloSessionID(hello); string(got) != testSession {
		t.Errorf("got %q", got)
	}
	for n := range hello {
		if got := HelloSessionID(hello[:n]); got != nil {
			t.Errorf("got %q from %d bytes of %d", got, n, len(hello))
		}
	}
}

func FuzzParseClientHello(f *testing.F) {
	hello := clientHello{random: make([]byte, randomSize), sessionID: []byte("id"), suites: suites, extended: true, signs: true}
	f.Add(hello.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		HelloSessionID(b)
		m, err := parseClientHello(b)
		if err == nil && (len(m.random) != randomSize || len(m.sessionID) > maxSessionID || !bytes.Equal(m.random, b[2:2+randomSize])) {
			t.Errorf("got %+v", m)
		}
		hs, err := newServerHandshake(serverConfig)
		if err != nil {
			t.Fatal(err)
		}
		_ = hs.datagram(appendPlain(nil, typeHandshake, 0, message(msgClientHello, 0, b)), make([]byte, maxDatagram))
		_ = hs.datagram(b, make([]byte, maxDatagram))
		if hs.done {
			t.Error("a handshake with nobody")
		}
	})
}

func TestCloseNotifyEndsTheOtherSide(t *testing.T) {
	a, b := pair(t)
	served := make(chan *Session, 1)
	go func() {
		first := make([]byte, maxDatagram)
		n, _ := b.Read(first)
		s, err := Server(t.Context(), b, first[:n], serverConfig)
		if err != nil {
			t.Error(err)
		}
		served <- s
	}()
	client, err := Client(t.Context(), a, serverConfig)
	server := <-served
	if err != nil || server == nil {
		t.Fatal(err)
	}
	alert, err := client.CloseNotify()
	if err != nil {
		t.Fatal(err)
	}
	if n, _, err := server.Open(make([]byte, 100), alert); n >= 0 || err != io.EOF {
		t.Errorf("%d, %v", n, err)
	}
}
