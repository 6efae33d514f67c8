// Package hostile is a gateway that starts out speaking AnyConnect and then does
// what no gateway should: it plays a Script.
package hostile

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Script says where the gateway leaves the path of virtue. The zero Script is an
// honest gateway that takes any password and swallows all packets.
type Script struct {
	// TCP takes a connection before TLS.
	TCP func(c net.Conn)
	// HTTP answers a request, and says whether it did.
	HTTP func(w io.Writer, r *http.Request) bool
	// Connect replaces or adds headers of the answer to CONNECT.
	Connect map[string]string
	// Tunnel takes the connection after the answer to CONNECT.
	Tunnel func(c net.Conn)
}

// Gateway is one that was started.
type Gateway struct {
	listener net.Listener
	tls      *tls.Config
	script   Script

	mu    sync.Mutex
	conns map[net.Conn]bool
}

// Serve plays s to whoever connects to l, until Close.
func Serve(l net.Listener, cert tls.Certificate, s Script) *Gateway {
	g := &Gateway{listener: l, script: s, conns: map[net.Conn]bool{},
		tls: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"http/1.1"}}}
	go g.accept()
	return g
}

// Close ends the gateway and all its connections.
func (g *Gateway) Close() error {
	err := g.listener.Close()
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		c.Close()
	}
	return err
}

func (g *Gateway) accept() {
	for {
		c, err := g.listener.Accept()
		if err != nil {
			return
		}
		g.mu.Lock()
		g.conns[c] = true
		g.mu.Unlock()
		go func() {
			defer c.Close()
			g.serve(c)
		}()
	}
}

func (g *Gateway) serve(c net.Conn) {
	if g.script.TCP != nil {
		g.script.TCP(c)
		return
	}
	secure := tls.Server(c, g.tls)
	in := bufio.NewReader(secure)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if g.script.HTTP != nil && g.script.HTTP(secure, r) {
			continue
		}
		if r.Method == http.MethodConnect {
			g.tunnel(secure, in)
			return
		}
		g.login(secure, r)
	}
}

// login is the honest part: a form, then a session.
func (g *Gateway) login(w io.Writer, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	switch {
	case err != nil || r.Method != http.MethodPost:
		Reply(w, "404 Not Found", "")
	case strings.Contains(string(body), `type="auth-reply"`):
		Reply(w, "200 OK", complete, "Set-Cookie: webvpn="+cookie+"; Secure")
	default:
		Reply(w, "200 OK", form)
	}
}

const (
	cookie = "b2e7f9a1c3d5e7f9"
	form   = `<?xml version="1.0" encoding="UTF-8"?>
<config-auth client="vpn" type="auth-request"><version who="sg">0.1(1)</version>
<auth id="main"><message>Please enter your password.</message>
<form method="post" action="/auth"><input type="text" name="username" label="Username:"/>
<input type="password" name="password" label="Password:"/></form></auth></config-auth>
`
	complete = `<?xml version="1.0" encoding="UTF-8"?>
<config-auth client="vpn" type="complete"><version who="sg">0.1(1)</version>
<session-token>` + cookie + `</session-token><auth id="success"><title>SSL VPN Service</title></auth></config-auth>
`
)

// Reply writes an HTTP answer with an XML body.
func Reply(w io.Writer, status, body string, headers ...string) {
	lines := append([]string{"HTTP/1.1 " + status, "Connection: Keep-Alive", "Content-Type: text/xml",
		fmt.Sprintf("Content-Length: %d", len(body)), "X-Transcend-Version: 1"}, headers...)
	io.WriteString(w, strings.Join(lines, "\r\n")+"\r\n\r\n"+body)
}

func (g *Gateway) tunnel(c net.Conn, in io.Reader) {
	answer := "HTTP/1.1 200 CONNECTED\r\n"
	headers := map[string]string{
		"X-CSTP-Version": "1", "X-CSTP-Address": "10.88.0.9", "X-CSTP-Netmask": "255.255.255.0",
		"X-CSTP-Split-Include": "10.99.0.1/255.255.255.255", "X-CSTP-MTU": "1300", "X-CSTP-Base-MTU": "1400",
		"X-CSTP-DPD": "30", "X-CSTP-Keepalive": "20", "X-CSTP-Rekey-Method": "none",
	}
	for k, v := range g.script.Connect {
		headers[k] = v
	}
	for k, v := range headers {
		answer += k + ": " + v + "\r\n"
	}
	io.WriteString(c, answer+"\r\n")
	if g.script.Tunnel != nil {
		g.script.Tunnel(c)
	}
	io.Copy(io.Discard, in)
}
