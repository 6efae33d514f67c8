package transport

import (
	"bufio"
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/proxy"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// maxProxyReply bounds what a proxy may say before the tunnel begins, in bytes.
const maxProxyReply = 16 << 10

// connectProxy reaches host:port through the configured proxy, which resolves host.
func (d *Dialer) connectProxy(ctx context.Context, host string, port int) (net.Conn, error) {
	p := d.cfg.Proxy
	name, number, err := proxyAddress(p)
	if err != nil {
		return nil, err
	}
	conn, err := d.dialTCP(ctx, name, number)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, d.cfg.DialTimeout)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })
	target := net.JoinHostPort(host, strconv.Itoa(port))
	if p.Scheme == "http" {
		err = httpConnect(conn, target, p.User)
	} else {
		err = socksConnect(ctx, conn, target, p.User)
	}
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = conn.Close()
		return nil, proxyDiagnostic(ctx, p, target, err)
	}
	return conn, nil
}

// proxyAddress splits the proxy's URL, with the scheme's port when none is given.
func proxyAddress(p *url.URL) (host string, port int, err error) {
	ports := map[string]int{"http": 8080, "socks5": 1080, "socks5h": 1080}
	port, known := ports[p.Scheme]
	if !known || p.Hostname() == "" {
		return "", 0, diag.New(diag.Config, "the proxy "+p.Redacted()+" cannot be used",
			"give it as http://host:port or socks5://host:port").With("proxy")
	}
	if p.Port() != "" {
		port, err = strconv.Atoi(p.Port())
		if err != nil || port < 1 || port > 65535 {
			return "", 0, diag.New(diag.Config, "the proxy's port "+p.Port()+" is out of range", "it must be 1 to 65535").With("proxy")
		}
	}
	return p.Hostname(), port, nil
}

// httpConnect asks an HTTP proxy for a tunnel (RFC 9110 section 9.3.6).
func httpConnect(conn net.Conn, target string, user *url.Userinfo) error {
	var req strings.Builder
	fmt.Fprintf(&req, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n", target, target)
	if user != nil {
		password, _ := user.Password()
		token := base64.StdEncoding.EncodeToString([]byte(user.Username() + ":" + password))
		fmt.Fprintf(&req, "Proxy-Authorization: Basic %s\r\n", token)
	}
	req.WriteString("\r\n")
	if _, err := conn.Write([]byte(req.String())); err != nil {
		return err
	}
	return readConnectReply(conn)
}

// readConnectReply reads up to the empty line and not one byte further: what
// follows belongs to the tunnel.
func readConnectReply(conn net.Conn) error {
	one := bufio.NewReaderSize(&byteReader{conn: conn, left: maxProxyReply}, 16)
	status, err := readLine(one)
	if err != nil {
		return err
	}
	for line := status; line != ""; {
		if line, err = readLine(one); err != nil {
			return err
		}
	}
	return connectStatus(status)
}

// connectStatus judges a status line.
func connectStatus(line string) error {
	version, rest, _ := strings.Cut(line, " ")
	code, reason, _ := strings.Cut(rest, " ")
	n, err := strconv.ParseUint(code, 10, 16)
	if !strings.HasPrefix(version, "HTTP/1.") || err != nil || len(code) != 3 {
		return diag.New(diag.Unreachable, "the proxy does not answer in HTTP", "check its address and kind").With("proxy")
	}
	switch {
	case n >= 200 && n < 300:
		return nil
	case n == 407:
		return diag.New(diag.AuthRefused, "the proxy wants a user name and password",
			"give them in the proxy's URL, http://user:password@host:port; of the ways to prove them only Basic is known").With("proxy")
	}
	return fmt.Errorf("the proxy refused: %d %s", n, printable(reason))
}

// printable makes the gateway's or proxy's words safe to show: one line, bounded.
func printable(s string) string {
	if len(s) > 200 {
		s = s[:200]
	}
	return strings.Trim(strconv.QuoteToGraphic(s), `"`)
}

func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		b, err := r.ReadByte()
		if err != nil {
			return "", err
		}
		if b == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b)
	}
}

// byteReader hands out one byte a Read, at most left of them.
type byteReader struct {
	conn net.Conn
	left int
}

func (r *byteReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, fmt.Errorf("the proxy's reply is longer than %d bytes", maxProxyReply)
	}
	r.left--
	return r.conn.Read(p[:1])
}

// socksConnect asks a SOCKS5 proxy for a tunnel (RFC 1928, RFC 1929).
func socksConnect(ctx context.Context, conn net.Conn, target string, user *url.Userinfo) error {
	var auth *proxy.Auth
	if user != nil {
		password, _ := user.Password()
		auth = &proxy.Auth{User: user.Username(), Password: password}
	}
	dialer, err := proxy.SOCKS5("tcp", conn.RemoteAddr().String(), auth, connected{conn})
	if err != nil {
		return err
	}
	_, err = dialer.(proxy.ContextDialer).DialContext(ctx, "tcp", target)
	if err != nil && strings.Contains(err.Error(), "authentication") {
		return diag.New(diag.AuthRefused, "the proxy refused the user name and password",
			"give them in the proxy's URL, socks5://user:password@host:port").With("proxy")
	}
	return err
}

// connected is a dialer that has dialled already.
type connected struct{ conn net.Conn }

func (c connected) Dial(string, string) (net.Conn, error) { return c.conn, nil }

func (c connected) DialContext(context.Context, string, string) (net.Conn, error) {
	return c.conn, nil
}

func proxyDiagnostic(ctx context.Context, p *url.URL, target string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return dialDiagnostic(target+" through the proxy "+p.Redacted(), err)
}
