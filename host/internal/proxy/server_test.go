package proxy

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/net/proxy"

	"github.com/penstock-vpn/penstock/host/internal/userstack"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// fake is a network of which every host is the machine's loopback.
type fake struct{ errors map[string]error }

func (f fake) Dial(ctx context.Context, host string, port uint16) (net.Conn, error) {
	if err := f.errors[host]; err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
}

func (f fake) Resolve(_ context.Context, host string) ([]netip.Addr, error) {
	return []netip.Addr{netip.MustParseAddr("127.0.0.1")}, f.errors[host]
}

func (fake) ListenUDP(v6 bool) (net.PacketConn, error) {
	if v6 {
		return nil, errors.New("no IPv6")
	}
	return net.ListenPacket("udp4", "127.0.0.1:0")
}

var bob = &Credentials{"bob", secret.New("let me in")}

func failures() map[string]error {
	return map[string]error{
		"refused.test": &userstack.Refused{Why: "not here"}, "noname.test": &userstack.NameError{Name: "noname.test", Err: errors.New("unknown")},
		"late.test": context.DeadlineExceeded, "closed.test": syscall.ECONNREFUSED, "nonet.test": syscall.ENETUNREACH, "nohost.test": syscall.EHOSTUNREACH,
		"odd.test": errors.New("odd"),
	}
}

// serve starts a proxy and returns its address.
func serve(t *testing.T, who *Credentials) (string, *Server) {
	t.Helper()
	l, err := Listen(t.Context(), "0", who)
	if err != nil {
		t.Fatal(err)
	}
	s := Serve(l, fake{failures()}, who, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { _ = s.Close() })
	return l.Addr().String(), s
}

// web is behind the proxy; it says what it was asked.
func web(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Keep-Alive", "hop")
		_, _ = fmt.Fprintf(w, "%s %s %s %q", r.Method, r.Host, r.URL, body)
		for name := range r.Header {
			_, _ = fmt.Fprint(w, " ", name)
		}
	}))
	t.Cleanup(s.Close)
	_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
	return port
}

func TestSOCKS(t *testing.T) {
	port := web(t)
	for name, who := range map[string]*Credentials{"open": nil, "closed": bob} {
		t.Run(name, func(t *testing.T) {
			at, _ := serve(t, who)
			for _, auth := range []*proxy.Auth{nil, {User: "bob", Password: "let me in"}, {User: "bob", Password: "wrong"}} {
				d, err := proxy.SOCKS5("tcp", at, auth, nil)
				if err != nil {
					t.Fatal(err)
				}
				c, err := d.Dial("tcp", "www.test:"+port)
				if right := who == nil || auth != nil && auth.Password == "let me in"; right != (err == nil) {
					t.Errorf("%+v: %v", auth, err)
				}
				if err == nil {
					_, _ = io.WriteString(c, "GET /x HTTP/1.0\r\nHost: www.test\r\n\r\n")
					if got, err := io.ReadAll(c); err != nil || !strings.Contains(string(got), "GET www.test /x") {
						t.Errorf("%q %v", got, err)
					}
					_ = c.Close()
				}
			}
		})
	}
}

// raw sends bytes and returns all that comes back.
func raw(t *testing.T, at, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // of the test
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	got, _ := io.ReadAll(c)
	return string(got)
}

func TestSOCKSSaysWhyNot(t *testing.T) {
	at, _ := serve(t, nil)
	for host, code := range map[string]socksReply{
		"refused.test": replyNotAllowed, "noname.test": replyHost, "late.test": replyExpired, "closed.test": replyRefused,
		"nonet.test": replyNetwork, "nohost.test": replyHost, "odd.test": replyFailed,
	} {
		got := raw(t, at, fmt.Sprintf("\x05\x01\x00\x05\x01\x00\x03%c%s\x00\x50", len(host), host))
		if want := fmt.Sprintf("\x05\x00\x05%c\x00\x01\x00\x00\x00\x00\x00\x00", code); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
	for name, test := range map[string][2]string{
		"BIND":             {"\x05\x01\x00\x05\x02\x00\x01\x0a\x00\x00\x01\x00\x50", "\x05\x00\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00"},
		"a strange family": {"\x05\x01\x00\x05\x01\x00\x09", "\x05\x00\x05\x08\x00\x01\x00\x00\x00\x00\x00\x00"},
		"no method":        {"\x05\x01\x80", "\x05\xff"},
		"SOCKS4":           {"\x04", string(socks4Refusal)},
	} {
		if got := raw(t, at, test[0]); got != test[1] {
			t.Errorf("%s: %q, want %q", name, got, test[1])
		}
	}
}

func TestHTTP(t *testing.T) {
	port := web(t)
	at, _ := serve(t, nil)
	client := through(t, "http://"+at)
	for _, target := range []string{"http://www.test:" + port + "/x?a=b;c&d", "http://www.test:" + port + "/"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Proxy-Connection", "Proxy-Authorization", "Keep-Alive", "Connection", "Te", "X-Hop"} {
			r.Header.Set(name, "hop")
		}
		r.Header.Set("Connection", "X-Hop")
		r.Header.Set("X-Forwarded-For", "kept")
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		got, _ := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		u, _ := url.Parse(target)
		if want := fmt.Sprintf("POST www.test:%s %s \"body\"", port, u.RequestURI()); !strings.HasPrefix(string(got), want) {
			t.Errorf("%q, want %q", got, want)
		}
		for name, there := range map[string]bool{"Proxy-": false, "Keep-Alive": false, "Connection": false, "X-Hop": false, "X-Forwarded-For": true} {
			if strings.Contains(string(got), name) != there {
				t.Errorf("%s: want %t in %q", name, there, got)
			}
		}
		if answer.Header.Get("Keep-Alive") != "" {
			t.Error("a header of a hop came back")
		}
	}
}

func through(t *testing.T, at string) *http.Client {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(u)}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func TestHTTPSaysWhyNot(t *testing.T) {
	at, _ := serve(t, nil)
	for host, status := range map[string]string{"refused.test": "403 Forbidden", "noname.test": "502 Bad Gateway", "late.test": "504 Gateway Timeout"} {
		why := failures()[host].Error()
		for _, request := range []string{"GET http://" + host + "/ HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n", "CONNECT " + host + ":443 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"} {
			if got := raw(t, at, request); !strings.HasPrefix(got, "HTTP/1.1 "+status) || !strings.Contains(got, why) {
				t.Errorf("%q: %q, want %s and %q", request, got, status, why)
			}
		}
	}
	for name, request := range map[string]string{
		"a path": "GET / HTTP/1.0\r\n\r\n", "https": "GET https://www.test/ HTTP/1.0\r\n\r\n", "no port": "CONNECT www.test HTTP/1.0\r\n\r\n",
		"port 0": "CONNECT www.test:0 HTTP/1.0\r\n\r\n", "nonsense": "\x16\x03\x01\r\n\r\n",
		"a long header": "GET http://www.test/ HTTP/1.0\r\nX: " + strings.Repeat("x", 2*mostHeader) + "\r\n\r\n",
	} {
		if got := raw(t, at, request); !strings.HasPrefix(got, "HTTP/1.1 4") && !strings.HasPrefix(got, "HTTP/1.0 4") {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestHTTPAsksWho(t *testing.T) {
	port := web(t)
	at, _ := serve(t, bob)
	for who, want := range map[string]int{"": 407, "bob:wrong@": 407, "bob:let%20me%20in@": 200} {
		answer, err := through(t, "http://"+who+at).Get("http://www.test:" + port)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want || want == 407 && answer.Header.Get("Proxy-Authenticate") == "" {
			t.Errorf("%q: %s", who, answer.Status)
		}
	}
}

// What comes right after CONNECT belongs to the connection; each half of it ends by itself.
func TestConnectHasBothHalves(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // of the test
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		all, _ := io.ReadAll(c)
		_, _ = c.Write(bytes.ToUpper(all))
		_ = c.Close()
	}()
	at, _ := serve(t, nil)
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // of the test
	_, port, _ := net.SplitHostPort(l.Addr().String())
	_, _ = io.WriteString(c, "CONNECT www.test:"+port+" HTTP/1.1\r\nHost: www.test\r\n\r\nearly ")
	r := bufio.NewReader(c)
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil || answer.StatusCode != 200 {
		t.Fatal(answer, err)
	}
	_, _ = io.WriteString(c, "late")
	_ = c.(*net.TCPConn).CloseWrite()
	if got, err := io.ReadAll(r); err != nil || string(got) != "EARLY LATE" {
		t.Errorf("%q %v", got, err)
	}
}

func TestDatagrams(t *testing.T) {
	inside, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close() //nolint:errcheck // of the test
	go func() {
		b := make([]byte, 100)
		for {
			n, from, err := inside.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = inside.WriteTo(bytes.ToUpper(b[:n]), from)
		}
	}()
	at, s := serve(t, nil)
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "\x05\x01\x00\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00")
	var reply [12]byte
	if _, err := io.ReadFull(c, reply[:]); err != nil || reply[3] != 0 {
		t.Fatal(reply, err)
	}
	udp, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", int(reply[10])<<8|int(reply[11])))
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close() //nolint:errcheck // of the test
	port := inside.LocalAddr().(*net.UDPAddr).Port
	// What cannot be sent is lost, and the next one is not.
	for _, host := range []string{"refused.test", "www.test"} {
		_, _ = udp.Write(append([]byte(fmt.Sprintf("\x00\x00\x00\x03%c%s", len(host), host)), byte(port>>8), byte(port), 'd', 'a', 't', 'a'))
	}
	b := make([]byte, 100)
	n, err := udp.Read(b)
	if to, payload, ok := parseDatagram(b[:n]); err != nil || !ok || to.host != "127.0.0.1" || int(to.port) != port || string(payload) != "DATA" {
		t.Errorf("%q %v", b[:n], err)
	}
	_ = c.Close()
	if err := s.Close(); err != nil { // returns when the association has ended
		t.Error(err)
	}
}

func TestCloseEndsClients(t *testing.T) {
	at, s := serve(t, nil)
	var waiting []net.Conn
	for _, begin := range []string{"", "\x05", "GET ", "CONNECT x"} {
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(c, begin)
		waiting = append(waiting, c)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, c := range waiting {
		if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error("it is still open")
		}
	}
	if _, err := net.Dial("tcp", at); err == nil {
		t.Error("it still listens")
	}
}

func TestClientsAreBounded(t *testing.T) {
	at, s := serve(t, nil)
	s.mu.Lock()
	for range mostClients {
		s.clients[&client{Conn: nowhere{}, gone: func() {}}] = true
	}
	s.mu.Unlock()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("one too many is served")
	}
}

// nowhere is a connection that only closes.
type nowhere struct{ net.Conn }

func (nowhere) Close() error { return nil }

func TestListen(t *testing.T) {
	for where, want := range map[string]string{
		"0.0.0.0:0": "--proxy-auth-file", "[::]:0": "--proxy-auth-file", ":1080": "no address", "example.com:1080": "no address", "127.0.0.1": "a port is",
		"127.0.0.1:x": "a port is", "127.0.0.1:70000": "a port is", "": "a port is", "[::1": "ADDRESS:PORT", "192.0.2.77:1080": "--proxy-auth-file",
	} {
		if _, err := Listen(t.Context(), where, nil); diag.Of(err) == nil || diag.Of(err).Code != diag.Config || !strings.Contains(fmt.Sprint(err, diag.Of(err).Detail), want) {
			t.Errorf("%q: %v, want %q", where, err, want)
		}
	}
	if _, err := Listen(t.Context(), "192.0.2.77:1080", bob); err == nil || !strings.Contains(err.Error(), "does not have that address") {
		t.Errorf("an address of another machine: %v", err)
	}
	for _, where := range []string{"0", "localhost:0", "[::1]:0", "127.0.0.2:0"} {
		l, err := Listen(t.Context(), where, nil)
		if err != nil {
			t.Errorf("%q: %v", where, err)
			continue
		}
		_, err = Listen(t.Context(), l.Addr().String(), nil)
		if err == nil || !strings.Contains(err.Error(), "another program") {
			t.Errorf("a port that is taken: %v", err)
		}
		_ = l.Close()
	}
}

func TestCredentials(t *testing.T) {
	c, err := ParseCredentials(secret.New("bob:let:me in"))
	if err != nil || !c.are([]byte("bob"), []byte("let:me in")) || c.are([]byte("bob"), []byte("let")) || c.are(nil, nil) {
		t.Errorf("%v %v", c, err)
	}
	for _, line := range []string{"bob", ":x", "bob:", strings.Repeat("b", 256) + ":x"} {
		if _, err := ParseCredentials(secret.New(line)); err == nil {
			t.Errorf("%q is understood", line)
		}
	}
}
