package dtls

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/dtls/v3"
)

const testTimeout = 20 * time.Second

// pipeConn is a Session with its socket, as a test wants it.
type pipeConn struct {
	t *testing.T
	*Session
	conn Conn
}

func connect(t *testing.T, conn Conn, c Config) *pipeConn {
	t.Helper()
	s, err := Client(t.Context(), conn, c)
	if err != nil {
		t.Fatal(err)
	}
	return &pipeConn{t, s, conn}
}

func (p *pipeConn) send(data string) {
	p.t.Helper()
	b := append(make([]byte, p.Front(), 2048), data...)
	b, err := p.Seal(b, p.Front())
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.conn.Write(b); err != nil {
		p.t.Fatal(err)
	}
}

// receive returns the next payload, or the error that ends the session.
func (p *pipeConn) receive() (string, error) {
	p.t.Helper()
	buf, dst := make([]byte, maxDatagram), make([]byte, maxDatagram)
	_ = p.conn.SetReadDeadline(time.Now().Add(testTimeout))
	for {
		n, err := p.conn.Read(buf)
		if err != nil {
			p.t.Fatal(err)
		}
		for rest := buf[:n]; len(rest) > 0; {
			var n int
			if n, rest, err = p.Open(dst, rest); err != nil {
				return "", err
			} else if n >= 0 {
				return string(dst[:n]), nil
			}
		}
	}
}

func dialUDP(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

var testPSK = bytes.Repeat([]byte{0x5a}, 32)

// pionServer echoes upper case to one client, then closes when told "bye".
func pionServer(t *testing.T, options ...pion.ServerOption) (addr string) {
	t.Helper()
	options = append(options, pion.WithPSK(func(identity []byte) ([]byte, error) {
		if string(identity) != "psk" {
			return nil, errors.New("who?")
		}
		return testPSK, nil
	}))
	l, err := pion.ListenWithOptions("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		buf := make([]byte, 2048)
		for {
			n, err := conn.Read(buf)
			if err != nil || string(buf[:n]) == "bye" {
				return
			}
			_, _ = conn.Write(bytes.ToUpper(buf[:n]))
		}
	}()
	return l.Addr().String()
}

func TestPSKWithPion(t *testing.T) {
	gcm := pion.WithCipherSuites(pion.TLS_PSK_WITH_AES_128_GCM_SHA256)
	chacha := pion.WithCipherSuites(pion.TLS_PSK_WITH_CHACHA20_POLY1305_SHA256)
	cases := map[string][]pion.ServerOption{
		"TLS_PSK_WITH_AES_128_GCM_SHA256":       {gcm},
		"TLS_PSK_WITH_CHACHA20_POLY1305_SHA256": {chacha, pion.WithPSKIdentityHint([]byte("hint"))},
		"no extended master secret":             {gcm, pion.WithExtendedMasterSecret(pion.DisableExtendedMasterSecret)},
		"small fragments":                       {gcm, pion.WithMTU(60)},
	}
	for name, options := range cases {
		t.Run(name, func(t *testing.T) {
			c := connect(t, dialUDP(t, pionServer(t, options...)), Config{PSK: testPSK, PSKIdentity: "psk", SessionID: []byte("0123456789abcdef")})
			if strings.HasPrefix(name, "TLS") && c.Suite().Name != name {
				t.Errorf("suite %s", c.Suite().Name)
			}
			for _, text := range []string{"hello", strings.Repeat("x", 1400), ""} {
				c.send(text)
				if got, err := c.receive(); err != nil || got != strings.ToUpper(text) {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			c.send("bye")
			if _, err := c.receive(); !errors.Is(err, io.EOF) {
				t.Errorf("after the server's close_notify: %v", err)
			}
		})
	}
}

func TestWrongPSKIsAnAlert(t *testing.T) {
	addr := pionServer(t, pion.WithCipherSuites(pion.TLS_PSK_WITH_AES_128_GCM_SHA256))
	_, err := Client(t.Context(), dialUDP(t, addr), Config{PSK: testPSK, PSKIdentity: "nobody"})
	var alert *AlertError
	if !errors.As(err, &alert) {
		t.Errorf("got %v", err)
	}
}

func TestPSKWithOpenSSL(t *testing.T) {
	for _, suite := range []string{"PSK-AES256-GCM-SHA384", "PSK-AES128-GCM-SHA256", "PSK-CHACHA20-POLY1305"} {
		t.Run(suite, func(t *testing.T) {
			server := startOpenSSL(t, "-psk", strings.Repeat("5a", 32), "-psk_identity", "psk", "-psk_hint", "hint", "-cipher", suite)
			c := connect(t, dialUDP(t, server.addr), Config{PSK: testPSK, PSKIdentity: "psk", SessionID: []byte("0123456789abcdef")})
			server.exchange(c)
		})
	}
}

// opensslServer is an openssl s_server, whose standard input and output are the tunnel.
type opensslServer struct {
	t    *testing.T
	addr string
	in   io.Writer
	out  *bufio.Reader
}

func startOpenSSL(t *testing.T, args ...string) *opensslServer {
	t.Helper()
	// Not where clients are: one that dials before the server listens could be given the
	// server's port, and shake hands with itself.
	free, err := net.ListenPacket("udp", "127.0.0.2:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &opensslServer{t: t, addr: free.LocalAddr().String()}
	_ = free.Close()
	cmd := exec.Command("openssl", append([]string{"s_server", "-dtls1_2", "-nocert", "-listen", "-quiet", "-accept", s.addr}, args...)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	s.in, s.out = in, bufio.NewReader(out)
	return s
}

// exchange sends a line each way.
func (s *opensslServer) exchange(c *pipeConn) {
	s.t.Helper()
	c.send("hello\n")
	if got, err := s.out.ReadString('\n'); err != nil || got != "hello\n" {
		s.t.Fatalf("the server got %q, %v", got, err)
	}
	if _, err := io.WriteString(s.in, "welcome\n"); err != nil {
		s.t.Fatal(err)
	}
	if got, err := c.receive(); err != nil || got != "welcome\n" {
		s.t.Fatalf("got %q, %v", got, err)
	}
}
