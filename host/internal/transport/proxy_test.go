package transport

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

func proxyURL(t *testing.T, scheme, user string, port int) *url.URL {
	t.Helper()
	u, err := url.Parse(scheme + "://127.0.0.1")
	must(t, err)
	u.Host = net.JoinHostPort("127.0.0.1", itoa(port))
	if user != "" {
		name, password, _ := strings.Cut(user, ":")
		u.User = url.UserPassword(name, password)
	}
	return u
}

// httpProxy answers reply to every CONNECT, then echoes. It says what it was asked.
func httpProxy(t *testing.T, reply string) (port int, asked <-chan *http.Request) {
	requests := make(chan *http.Request, 1)
	return listen(t, func(c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		requests <- r
		_, _ = io.WriteString(c, reply)
		_, _ = io.Copy(c, c)
		_ = c.Close()
	}), requests
}

func TestHTTPProxy(t *testing.T) {
	port, asked := httpProxy(t, "HTTP/1.1 200 OK\r\nX: y\r\n\r\nearly ")
	d := New(Config{Resolver: names{}, Proxy: proxyURL(t, "http", "me:secret", port)})
	s, err := d.OpenTCP(t.Context(), "vpn.test", 443)
	must(t, err)
	defer func() { _ = s.Close() }()
	r := <-asked
	if r.Method != "CONNECT" || r.RequestURI != "vpn.test:443" || r.Header.Get("Proxy-Authorization") != "Basic bWU6c2VjcmV0" {
		t.Errorf("asked %s %s %v", r.Method, r.RequestURI, r.Header)
	}
	if got := d.Gateway().String(); got != "127.0.0.1" {
		t.Errorf("the address to keep outside is %s", got)
	}
	plugin := plaintext(t, s)
	_, err = plugin.Write([]byte("late"))
	must(t, err)
	got := make([]byte, 10)
	if _, err := io.ReadFull(plugin, got); err != nil || string(got) != "early late" {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = d.OpenUDP(t.Context(), "vpn.test", 443)
	wantDiagnostic(t, err, diag.Unreachable, "proxy")
}

func TestHTTPProxyRefuses(t *testing.T) {
	cases := map[string]struct {
		reply  string
		code   diag.Code
		option string
		says   string
	}{
		"wants a password": {"HTTP/1.1 407 Who are you\r\n\r\n", diag.AuthRefused, "proxy", "user name"},
		"forbids":          {"HTTP/1.1 403 Not \x1b[31mhere\r\n\r\n", diag.Unreachable, "", `403 Not \x1b[31mhere`},
		"is no proxy":      {"SSH-2.0-OpenSSH\r\n\r\n", diag.Unreachable, "proxy", "HTTP"},
		"never ends":       {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2*maxProxyReply), diag.Unreachable, "", "longer than"},
		"a bad code":       {"HTTP/1.1 +20 OK\r\n\r\n", diag.Unreachable, "proxy", "HTTP"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			port, _ := httpProxy(t, c.reply)
			d := New(Config{Proxy: proxyURL(t, "http", "me:hidden", port)})
			_, err := d.OpenTCP(t.Context(), "vpn.test", 443)
			got := wantDiagnostic(t, err, c.code, c.option)
			if !strings.Contains(got.Error(), c.says) || strings.Contains(got.Error(), "hidden") {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestSilentProxyIsGivenUp(t *testing.T) {
	for _, scheme := range []string{"http", "socks5"} {
		port := listen(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
		d := New(Config{Proxy: proxyURL(t, scheme, "", port), DialTimeout: 50 * time.Millisecond})
		_, err := d.OpenTCP(t.Context(), "vpn.test", 443)
		got := wantDiagnostic(t, err, diag.Unreachable, "")
		if !strings.Contains(got.Detail, "in time") || !strings.Contains(got.Summary, "through the proxy") {
			t.Errorf("%s: got %v", scheme, got)
		}
	}
}

func TestProxyURLs(t *testing.T) {
	for _, bad := range []string{"https://proxy:1", "proxy:80", "http://", "http://p:0", "http://p:70000"} {
		u, err := url.Parse(bad)
		if err != nil {
			u = &url.URL{Scheme: "?", Host: bad}
		}
		_, err = New(Config{Proxy: u}).OpenTCP(t.Context(), "vpn.test", 443)
		wantDiagnostic(t, err, diag.Config, "proxy")
	}
	for good, want := range map[string]int{"http://p": 8080, "socks5://p": 1080, "http://p:3128": 3128, "socks5h://[::1]:9": 9} {
		u, err := url.Parse(good)
		must(t, err)
		if _, port, err := proxyAddress(u); port != want || err != nil {
			t.Errorf("%s: port %d, %v", good, port, err)
		}
	}
}

// socksProxy is RFC 1928 with RFC 1929, for the user me:secret, then echoes. It
// says what it was asked for.
func socksProxy(t *testing.T, status byte) (port int, asked <-chan string) {
	target := make(chan string, 1)
	return listen(t, func(c net.Conn) {
		defer func() { _ = c.Close() }()
		if !socksLogin(c) {
			return
		}
		head := make([]byte, 5) // version, command, reserved, type 3, length
		if _, err := io.ReadFull(c, head); err != nil || head[3] != 3 {
			return
		}
		name := make([]byte, int(head[4])+2)
		if _, err := io.ReadFull(c, name); err != nil {
			return
		}
		n := len(name) - 2
		target <- string(name[:n]) + ":" + itoa(int(binary.BigEndian.Uint16(name[n:])))
		_, _ = c.Write([]byte{5, status, 0, 1, 0, 0, 0, 0, 0, 0})
		_, _ = io.Copy(c, c)
	}), target
}

func socksLogin(c net.Conn) bool {
	head := make([]byte, 2)
	if _, err := io.ReadFull(c, head); err != nil {
		return false
	}
	methods := make([]byte, head[1])
	if _, err := io.ReadFull(c, methods); err != nil {
		return false
	}
	if !bytes.Contains(methods, []byte{2}) {
		_, _ = c.Write([]byte{5, 0xff})
		return false
	}
	_, _ = c.Write([]byte{5, 2})
	got := make([]byte, 11)
	_, err := io.ReadFull(c, got)
	ok := err == nil && string(got) == "\x01\x02me\x06secret"
	status := byte(1)
	if ok {
		status = 0
	}
	_, _ = c.Write([]byte{1, status})
	return ok
}

func TestSOCKSProxy(t *testing.T) {
	port, asked := socksProxy(t, 0)
	d := New(Config{Resolver: names{}, Proxy: proxyURL(t, "socks5", "me:secret", port)})
	s, err := d.OpenTCP(t.Context(), "vpn.test", 443)
	must(t, err)
	defer func() { _ = s.Close() }()
	if got := <-asked; got != "vpn.test:443" {
		t.Errorf("asked for %s", got)
	}
	plugin := plaintext(t, s)
	_, err = plugin.Write([]byte("ping"))
	must(t, err)
	got := make([]byte, 4)
	if _, err := io.ReadFull(plugin, got); err != nil || string(got) != "ping" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestSOCKSProxyRefuses(t *testing.T) {
	for user, want := range map[string]diag.Code{"me:wrong1": diag.AuthRefused, "": diag.AuthRefused, "me:secret": diag.Unreachable} {
		port, _ := socksProxy(t, 5)
		d := New(Config{Proxy: proxyURL(t, "socks5", user, port)})
		_, err := d.OpenTCP(t.Context(), "vpn.test", 443)
		option := ""
		if want == diag.AuthRefused {
			option = "proxy"
		}
		wantDiagnostic(t, err, want, option)
	}
}

// replyConn reads from a reply.
type replyConn struct {
	net.Conn
	io.Reader
}

func (c replyConn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func FuzzConnectReply(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nA: b\r\n\r\ntunnel"))
	f.Add([]byte("HTTP/1.0 407 \n\n"))
	f.Fuzz(func(t *testing.T, reply []byte) {
		rest := bytes.NewReader(reply)
		err := readConnectReply(replyConn{Reader: iotest.OneByteReader(rest)})
		if err != nil {
			return
		}
		used := reply[:len(reply)-rest.Len()]
		if !bytes.HasSuffix(used, []byte("\n\n")) && !bytes.HasSuffix(used, []byte("\n\r\n")) {
			t.Errorf("read %q of the tunnel", used)
		}
	})
}
