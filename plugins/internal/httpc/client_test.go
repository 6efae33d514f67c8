package httpc

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// gateway answers each request it is dialed for with the next of its answers; an
// answer that ends with "<close>" closes the connection.
type gateway struct {
	mu       sync.Mutex
	answers  []string
	requests []string // method, target and body
	cookies  []string
	dials    []string
}

func (g *gateway) dial(_ context.Context, host string, _ int) (net.Conn, error) {
	g.mu.Lock()
	g.dials = append(g.dials, host)
	g.mu.Unlock()
	ours, theirs := net.Pipe()
	go g.serve(theirs)
	return ours, nil
}

func (g *gateway) serve(c net.Conn) {
	defer c.Close()
	br := bufio.NewReader(c)
	for {
		request, cookie, ok := readRequest(br)
		if !ok {
			return
		}
		g.mu.Lock()
		answer := ""
		if len(g.answers) > 0 {
			answer, g.answers = g.answers[0], g.answers[1:]
		}
		g.requests, g.cookies = append(g.requests, request), append(g.cookies, cookie)
		g.mu.Unlock()
		text, closes := strings.CutSuffix(answer, "<close>")
		if _, err := io.WriteString(c, text); err != nil || closes || answer == "" {
			return
		}
	}
}

func readRequest(br *bufio.Reader) (request, cookie string, ok bool) {
	line, err := br.ReadString('\n')
	if err != nil {
		return "", "", false
	}
	request = strings.TrimSuffix(strings.TrimSpace(line), " HTTP/1.1")
	length := 0
	for {
		line, err := br.ReadString('\n')
		if line = strings.TrimSpace(line); err != nil || line == "" {
			break
		}
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "Cookie":
			cookie = value
		case "Content-Length":
			for _, c := range value {
				length = length*10 + int(c-'0')
			}
		}
	}
	body := make([]byte, length)
	_, err = io.ReadFull(br, body)
	return strings.TrimSpace(request + " " + string(body)), cookie, err == nil
}

func address(t *testing.T, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestClientKeepsConnectionAndCookies(t *testing.T) {
	g := &gateway{answers: []string{
		"HTTP/1.1 200 OK\r\nSet-Cookie: first=1; Secure\r\nSet-Cookie: second=2\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nSet-Cookie: first=; expires=Thu, 01 Jan 1970\r\nContent-Length: 0\r\nConnection: Close\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
	}}
	c := &Client{Dial: g.dial}
	u := address(t, "https://vpn.test/login?x=1")
	for range 3 {
		if _, err := c.Do(t.Context(), "POST", u, nil, []byte("body")); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Join(g.cookies, "|"); got != "|first=1; second=2|second=2" {
		t.Errorf("cookies %q", got)
	}
	if len(g.dials) != 2 || g.requests[2] != "POST /login?x=1 body" {
		t.Errorf("dials %v, requests %v", g.dials, g.requests)
	}
	c.Cookies.Clear("vpn.test")
	if c.Cookies.Get("vpn.test", "second") != "" {
		t.Error("cookies were kept")
	}
	c.Close()
}

func TestClientTriesAgainWhenAKeptConnectionIsGone(t *testing.T) {
	ok := "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
	g := &gateway{answers: []string{ok, "<close>", ok, "<close>"}}
	c := &Client{Dial: g.dial}
	u := address(t, "https://vpn.test/")
	for range 2 {
		if _, err := c.Do(t.Context(), "GET", u, nil, nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.dials) != 2 || len(g.requests) != 3 {
		t.Errorf("dials %v, requests %v", g.dials, g.requests)
	}
	c.Close()
	if _, err := c.Do(t.Context(), "GET", u, nil, nil); err == nil || diag.Of(err).Code != diag.Protocol {
		t.Errorf("a fresh connection that says nothing: %v", err)
	}
}

func TestFollow(t *testing.T) {
	g := &gateway{answers: []string{
		"HTTP/1.1 302 Found\r\nLocation: next?x#y\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 301 Moved\r\nLocation: https://other.test/there\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
	}}
	c := &Client{Dial: g.dial}
	defer c.Close()
	r, at, err := c.Follow(t.Context(), "POST", address(t, "https://vpn.test/a/b"), nil, []byte("secret"))
	if err != nil || r.Status != 200 || at.String() != "https://other.test/there" {
		t.Fatalf("%v at %v, %v", r, at, err)
	}
	if got := strings.Join(g.requests, "|"); got != "POST /a/b secret|GET /a/next?x|GET /there" {
		t.Errorf("requests %q", got)
	}
	if strings.Join(g.dials, " ") != "vpn.test other.test" {
		t.Errorf("dials %v", g.dials)
	}
}

func TestFollowEnds(t *testing.T) {
	var circle []string
	for range MaxRedirects + 2 {
		circle = append(circle, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
	}
	for says, answers := range map[string][]string{
		"in circles":       circle,
		"no https address": {"HTTP/1.1 302 Found\r\nLocation: http://vpn.test/\r\nContent-Length: 0\r\n\r\n"},
	} {
		c := &Client{Dial: (&gateway{answers: answers}).dial}
		_, _, err := c.Follow(t.Context(), "GET", address(t, "https://vpn.test/"), nil, nil)
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: got %v", says, err)
		}
		c.Close()
	}
}

func TestConnectHandsOverWhatFollows(t *testing.T) {
	g := &gateway{answers: []string{"HTTP/1.1 200 CONNECTED\r\nX-CSTP-MTU: 1400\r\n\r\nSTF"}}
	c := &Client{Dial: g.dial}
	r, conn, over, err := c.Connect(t.Context(), address(t, "https://vpn.test/"), "/tunnel", Header{{"Cookie", "webvpn=1"}})
	if err != nil || r.Header.Get("x-cstp-mtu") != "1400" || conn == nil {
		t.Fatalf("%v, %v", r, err)
	}
	defer conn.Close()
	rest := make([]byte, 3-len(over))
	if _, err := io.ReadFull(conn, rest); err != nil || string(over)+string(rest) != "STF" {
		t.Errorf("handed over %q and %q, %v", over, rest, err)
	}
	if c.Conn() != nil || g.requests[0] != "CONNECT /tunnel" || g.cookies[0] != "webvpn=1" {
		t.Errorf("requests %v %v", g.requests, g.cookies)
	}
}

func TestConnectRefused(t *testing.T) {
	g := &gateway{answers: []string{"HTTP/1.1 503 Service Unavailable\r\nX-Reason: full\r\n\r\n"}}
	c := &Client{Dial: g.dial}
	r, conn, _, err := c.Connect(t.Context(), address(t, "https://vpn.test/"), "/tunnel", nil)
	if err != nil || conn != nil || r.Status != 503 || r.Header.Get("X-Reason") != "full" || c.Conn() != nil {
		t.Errorf("got %v, %v, %v", r, conn, err)
	}
}

func TestContextCutsShort(t *testing.T) {
	silent := func(context.Context, string, int) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, theirs) }()
		return ours, nil
	}
	u := address(t, "https://vpn.test/")
	ctx, cancel := context.WithCancelCause(t.Context())
	stopped := diag.Newf(diag.Cancelled, "stopped")
	time.AfterFunc(10*time.Millisecond, func() { cancel(stopped) })
	if _, err := (&Client{Dial: silent}).Do(ctx, "GET", u, nil, nil); err != stopped {
		t.Errorf("cancelled: got %v", err)
	}
	if _, err := (&Client{Dial: silent, Timeout: 10 * time.Millisecond}).Do(t.Context(), "GET", u, nil, nil); diag.Of(err).Code != diag.Unreachable {
		t.Errorf("too slow: got %v", err)
	}
}

// drip is a gateway that answers one byte a second, without end.
func drip(context.Context, string, int) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() { _, _ = io.Copy(io.Discard, theirs) }()
	go func() {
		for _, err := io.WriteString(theirs, "HTTP/1.1 200 OK\r\nX: "); err == nil; _, err = theirs.Write([]byte("x")) {
			<-time.After(time.Second)
		}
		_ = theirs.Close()
	}()
	return ours, nil
}

func TestAnAnswerMustComeToAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		c := &Client{Dial: drip, Timeout: 5 * time.Minute}
		_, err := c.Do(t.Context(), "GET", address(t, "https://vpn.test/"), nil, nil)
		if diag.Of(err).Code != diag.Unreachable || time.Since(start) > 2*answerTime {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		<-time.After(2 * time.Second) // the gateway finds the connection closed
	})
}

func TestTraceHoldsNoSecret(t *testing.T) {
	g := &gateway{answers: []string{"HTTP/1.1 302 Found\r\nSet-Cookie: webvpn=SECRET1; Secure\r\nLocation: /x?t=SECRET2\r\nContent-Length: 7\r\n\r\nSECRET3"}}
	var trace strings.Builder
	c := &Client{
		Dial: g.dial, Trace: func(s string) { trace.WriteString(s + "\n") },
		Redact: func(b []byte) string { return strings.ReplaceAll(string(b), "SECRET3", "-") },
	}
	defer c.Close()
	c.Cookies.Set("vpn.test", "a", "SECRET4")
	h := Header{{"X-DTLS-Master-Secret", "SECRET5"}, {"Authorization", "SECRET6"}, {"X-Known", "shown"}}
	if _, err := c.Do(t.Context(), "POST", address(t, "https://vpn.test/?q=SECRET7"), h, []byte("p=SECRET3")); err != nil {
		t.Fatal(err)
	}
	got := trace.String()
	if strings.Contains(got, "SECRET") || !strings.Contains(got, "> X-Known: shown") || !strings.Contains(got, "< Set-Cookie: webvpn=[redacted]") {
		t.Errorf("trace:\n%s", got)
	}
}

func TestHostField(t *testing.T) {
	for text, want := range map[string]string{
		"https://vpn.test/": "vpn.test", "https://vpn.test:443/": "vpn.test", "https://vpn.test:8443/": "vpn.test:8443",
		"https://[fd00::1]/": "[fd00::1]", "https://[fd00::1]:8443/": "[fd00::1]:8443",
	} {
		if got := HostField(address(t, text)); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}
