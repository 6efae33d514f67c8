package gpgate

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
	"github.com/penstock-vpn/penstock/host/internal/transport"
)

const (
	patience = 20 * time.Second // for a TLS handshake
	maxBody  = 1 << 20          // bytes of a request's
)

// gate knows its sessions by cookie, and by the SPIs that their clients send with.
type gate struct {
	config atomic.Pointer[Config]
	seen   *journal

	mu       sync.Mutex // guards what follows
	sessions map[string]*session
	last     int // the number of the session made last
	bySPI    map[uint32]*keys
	strays   map[uint32]bool       // SPIs of ESP that no keys were for
	pending  map[string]challenged // by inputStr
	cookies  map[string]standIn    // by field=value
	saml     map[string]bool       // by token: whether it is for the portal
	spent    map[string]bool       // paths whose Answer was given and is given once
}

// serve runs a gateway until it cannot accept any more.
func serve(c Config) error {
	secure, err := c.tls()
	if err != nil {
		return err
	}
	g := &gate{seen: &journal{out: os.Stdout}, sessions: map[string]*session{}, bySPI: map[uint32]*keys{}, strays: map[uint32]bool{},
		pending: map[string]challenged{}, cookies: map[string]standIn{}, saml: map[string]bool{}, spent: map[string]bool{}}
	g.config.Store(&c)
	if !c.ESP.Closed {
		udp, err := endpoint.ListenUDP(c.ESP.Port)
		if err != nil {
			return err
		}
		go g.serveESP(udp)
	}
	if err := g.serveControl(c.Files.Control); err != nil {
		return err
	}
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
			if err := g.client(conn, secure); err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", conn.RemoteAddr(), err)
			}
		}()
	}
}

// tls asks for certificates if portal or gateway wants them. One of another
// authority is as good as none.
func (c Config) tls() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(c.Files.Cert, c.Files.Key)
	if err != nil {
		return nil, err
	}
	t := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
		DynamicRecordSizingDisabled: true} // one frame, one record
	if c.Portal.Certificate != "" || c.Gateway.Certificate != "" {
		t.ClientAuth = tls.RequestClientCert
	}
	return t, nil
}

// visitor is who has opened a TLS connection.
type visitor struct {
	stream   *transport.Stream
	dialogue io.ReadWriter
	in       *bufio.Reader
	holder   string // of a client certificate of our authority
}

// client serves one TLS connection: requests, and a tunnel if one of them asks for it.
func (g *gate) client(conn net.Conn, secure *tls.Config) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	v := &visitor{}
	secure = secure.Clone()
	secure.VerifyConnection = func(s tls.ConnectionState) (err error) {
		v.holder, err = g.holder(s.PeerCertificates)
		return err
	}
	var err error
	if v.stream, v.dialogue, err = transport.AcceptTLS(ctx, conn, secure); err != nil {
		return err
	}
	defer v.stream.Close()
	v.in = bufio.NewReader(v.dialogue)
	for {
		r, err := http.ReadRequest(v.in)
		if err != nil {
			return ignoreEnd(err)
		}
		if again, err := g.answer(v, r); err != nil || !again {
			return ignoreEnd(err)
		}
	}
}

// holder is the user that a certificate of the lab's authority names, if it is one.
func (g *gate) holder(chain []*x509.Certificate) (string, error) {
	if len(chain) == 0 {
		return "", nil
	}
	pem, err := os.ReadFile(g.config.Load().Files.CA)
	if err != nil {
		return "", err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		return "", nil
	}
	return chain[0].Subject.CommonName, nil
}

func ignoreEnd(err error) error {
	if err == io.EOF || errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// request is one that was read whole.
type request struct {
	*http.Request
	*visitor
	c      Config
	fields url.Values // of the form, or of the query
}

// reply is what is said to one.
type reply struct {
	status  int // 200 when 0
	headers []string
	body    string
}

// handler answers a request.
type handler func(g *gate, r *request) reply

// userAgent is how a client must call itself; anybody else is a browser.
const userAgent = "PAN GlobalProtect"

// tunnelPath is where the TLS tunnel begins.
const tunnelPath = "/ssl-tunnel-connect.sslvpn"

// handlers are those of requests by clients.
var handlers = map[string]handler{
	"/global-protect/prelogin.esp":  (*gate).portalPrelogin,
	"/global-protect/getconfig.esp": (*gate).portalConfig,
	"/ssl-vpn/prelogin.esp":         (*gate).gatewayPrelogin,
	"/ssl-vpn/login.esp":            (*gate).gatewayLogin,
	"/ssl-vpn/getconfig.esp":        (*gate).gatewayConfig,
	"/ssl-vpn/hipreportcheck.esp":   (*gate).hipCheck,
	"/ssl-vpn/hipreport.esp":        (*gate).hipReport,
	"/ssl-vpn/logout.esp":           (*gate).logout,
}

// pages are those for browsers.
var pages = map[string]handler{
	samlLogin: (*gate).samlForm,
	samlDone:  (*gate).samlEnd,
}

// answer reads a request whole and answers it; again says that another may follow.
func (g *gate) answer(v *visitor, from *http.Request) (again bool, err error) {
	body, err := io.ReadAll(io.LimitReader(from.Body, maxBody))
	if err != nil {
		return false, err
	}
	r := &request{Request: from, visitor: v, c: *g.config.Load(), fields: from.URL.Query()}
	if from.Method == http.MethodPost {
		if r.fields, err = url.ParseQuery(string(body)); err != nil {
			return true, r.say(reply{status: 400, body: "errors in the form: " + err.Error()})
		}
	}
	g.seen.add(Event{Kind: Request, Path: r.URL.Path, Fields: flat(r.fields), Agent: r.UserAgent()})
	if a, ok := g.scripted(r); ok {
		g.seen.add(Event{Kind: Played, Path: r.URL.Path})
		return !a.Close, a.play(v.dialogue)
	}
	if r.URL.Path == r.c.Network.TunnelURL {
		return false, g.tunnel(r)
	}
	return true, r.say(g.edited(r, g.handle(r)))
}

func (g *gate) handle(r *request) reply {
	if page := pages[r.URL.Path]; page != nil {
		return page(g, r)
	}
	h := handlers[r.URL.Path]
	switch {
	case h == nil:
		return reply{status: 404, body: "<html><head><title>404 Not Found</title></head></html>"}
	case !strings.HasPrefix(r.UserAgent(), userAgent):
		return reply{headers: []string{"Content-Type: text/html"}, body: "<html><head><title>GlobalProtect Portal</title></head><body>Use the app.</body></html>"}
	}
	return h(g, r)
}

// edited is a with the edits of the path.
func (g *gate) edited(r *request, a reply) reply {
	for _, e := range r.c.Edits {
		if e.Path != r.URL.Path {
			continue
		}
		find, kind := regexp.MustCompile(e.Find), Played
		if !find.MatchString(a.body) {
			kind = Unfound
		}
		g.seen.add(Event{Kind: kind, Path: e.Path, Note: e.Find})
		a.body = find.ReplaceAllString(a.body, e.With)
	}
	return a
}

// scripted is the Answer that is given in place of an honest one.
func (g *gate) scripted(r *request) (Answer, bool) {
	a, ok := r.c.Answers[r.URL.Path]
	if !ok {
		return a, false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if a.Once && g.spent[r.URL.Path] {
		return a, false
	}
	g.spent[r.URL.Path] = true
	return a, true
}

// reasons are the status lines that are not HTTP's.
var reasons = map[int]string{512: "Custom error", 513: "Custom error"}

// say writes the reply.
func (r *request) say(a reply) error {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return write(r.dialogue, a.status, reasons[a.status], a.headers, a.body)
}

func write(w io.Writer, status int, reason string, headers []string, body string) error {
	text(&reason, http.StatusText(status))
	lines := append([]string{fmt.Sprintf("HTTP/1.1 %d %s", status, reason), "Connection: keep-alive",
		fmt.Sprintf("Content-Length: %d", len(body)), "Cache-Control: no-store"}, headers...)
	if !strings.Contains(strings.Join(headers, "\n"), "Content-Type") {
		lines = append(lines, "Content-Type: application/xml; charset=UTF-8")
	}
	_, err := io.WriteString(w, strings.Join(lines, "\r\n")+"\r\n\r\n"+body)
	return err
}

// play says what was scripted.
func (a Answer) play(w io.Writer) error {
	number(&a.Status, http.StatusOK)
	body := a.Body + strings.Repeat(a.Fill, a.Times) + a.Tail
	if a.Raw {
		return drip(w, body, a.Slow)
	}
	if a.Reason == "" {
		a.Reason = reasons[a.Status]
	}
	var whole strings.Builder
	if err := write(&whole, a.Status, a.Reason, a.Headers, body); err != nil {
		return err
	}
	return drip(w, whole.String(), a.Slow)
}

// drip writes byte by byte, if it is to be slow.
func drip(w io.Writer, all string, slow time.Duration) error {
	if slow == 0 {
		_, err := io.WriteString(w, all)
		return err
	}
	tick := time.NewTicker(slow)
	defer tick.Stop()
	for i := range len(all) {
		if _, err := io.WriteString(w, all[i:i+1]); err != nil {
			return err
		}
		<-tick.C
	}
	return nil
}

// flat is a form whose fields come once.
func flat(v url.Values) map[string]string {
	m := map[string]string{}
	for name, values := range v {
		m[name] = strings.Join(values, "\x00")
	}
	return m
}
