package auth

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// turn is one exchange that a fake gateway expects: it answers with status, fields
// and body. check sees the request.
type turn struct {
	status int // 0: 200
	header []string
	body   string
	check  func(t *testing.T, r *http.Request, body string)
}

// fakeGateway plays the turns in order, over any number of connections.
type fakeGateway struct {
	t     *testing.T
	mu    sync.Mutex
	turns []turn
	said  []string // "METHOD host path" of each request
	dials int
}

func (g *fakeGateway) dial(context.Context, string, int) (net.Conn, error) {
	g.mu.Lock()
	g.dials++
	g.mu.Unlock()
	ours, theirs := net.Pipe()
	go g.serve(theirs)
	return ours, nil
}

func (g *fakeGateway) serve(c net.Conn) {
	defer c.Close()
	for br := bufio.NewReader(c); ; {
		r, err := http.ReadRequest(br)
		if err != nil {
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if _, err := io.WriteString(c, g.answer(r, string(body))); err != nil {
			return
		}
	}
}

func (g *fakeGateway) answer(r *http.Request, body string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.said = append(g.said, fmt.Sprintf("%s %s %s", r.Method, r.Host, r.URL.RequestURI()))
	if len(g.turns) == 0 {
		g.t.Errorf("an unexpected request: %s\n%s", g.said[len(g.said)-1], body)
		return "HTTP/1.1 500 Unexpected\r\nContent-Length: 0\r\n\r\n"
	}
	turn := g.turns[0]
	g.turns = g.turns[1:]
	if turn.check != nil {
		turn.check(g.t, r, body)
	}
	status := turn.status
	if status == 0 {
		status = 200
	}
	head := fmt.Sprintf("HTTP/1.1 %d Status\r\nContent-Length: %d\r\n", status, len(turn.body))
	for _, field := range turn.header {
		head += field + "\r\n"
	}
	return head + "\r\n" + turn.body
}

// person answers prompts and keeps what was said.
type person struct {
	t       *testing.T
	answers map[string][]string // by field name; "sso" and "program" by what they return
	cancel  bool
	prompts []prompt.Prompt
	lines   []string
}

func (p *person) Ask(_ context.Context, q prompt.Prompt) (prompt.Answer, error) {
	p.prompts = append(p.prompts, q)
	if p.cancel {
		return prompt.Answer{Cancelled: true}, nil
	}
	values := map[string]string{}
	switch {
	case q.Program != nil:
		values["exit_status"] = p.next("program")
	case q.Sso != nil && q.Sso.Loopback != nil:
		values["request_uri"] = p.next("sso")
	case q.Sso != nil:
		values[q.Sso.Cookies.Cookie] = p.next("sso")
	default:
		for _, f := range q.Form.Fields {
			values[f.Name] = p.next(f.Name)
		}
	}
	return prompt.Answer{Values: values}, nil
}

func (p *person) next(name string) string {
	left := p.answers[name]
	if len(left) == 0 {
		p.t.Errorf("asked for %q once too often", name)
		return ""
	}
	p.answers[name] = left[1:]
	return left[0]
}

func (p *person) Info(format string, args ...any) {
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}
func (p *person) Warn(format string, args ...any)  { p.Info(format, args...) }
func (p *person) Debug(format string, args ...any) { p.Info(format, args...) }

// stage is a login about to happen.
type stage struct {
	gateway *fakeGateway
	person  *person
	config  Config
}

func newStage(t *testing.T, address string, answers map[string][]string, turns ...turn) *stage {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{gateway: &fakeGateway{t: t, turns: turns}, person: &person{t: t, answers: answers}}
	client := &httpc.Client{Dial: s.gateway.dial}
	t.Cleanup(client.Close)
	s.config = Config{
		Gateway: u, Version: "v1", OS: "linux-64", SSO: SSONone,
		HTTP: client, User: s.person,
	}
	return s
}

// login runs the stage and checks that every turn was taken.
func (s *stage) login(t *testing.T) (*Result, error) {
	t.Helper()
	r, err := Login(t.Context(), s.config)
	if len(s.gateway.turns) > 0 {
		t.Errorf("%d turns were not taken; said %v, %v", len(s.gateway.turns), s.gateway.said, err)
	}
	return r, err
}

func (s *stage) mustLogin(t *testing.T) *Result {
	t.Helper()
	r, err := s.login(t)
	if err != nil {
		t.Fatalf("login: %v\nsaid %v", err, s.gateway.said)
	}
	return r
}

// has checks that a request's body holds each part.
func has(parts ...string) func(*testing.T, *http.Request, string) {
	return func(t *testing.T, _ *http.Request, body string) {
		t.Helper()
		for _, part := range parts {
			if !strings.Contains(body, part) {
				t.Errorf("the body lacks %s:\n%s", part, body)
			}
		}
	}
}

const (
	userForm = `<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="auth-request"><opaque is-for="sg"><tunnel-group>Default</tunnel-group><x a='1'/></opaque>` +
		`<auth id="main"><title>Login</title><message>Please enter your username and password.</message><banner>Authorised only</banner>` +
		`<form><input type="text" name="username" label="Username:"/><input type="password" name="password" label="Password:"/><input type="submit" name="Login"/></form></auth></config-auth>`
	success = `<?xml version="1.0" encoding="UTF-8"?><config-auth client="vpn" type="complete"><session-id>7</session-id><session-token>C00K1E</session-token>` +
		`<auth id="success"><message id="0"></message><banner>Welcome</banner></auth></config-auth>`
)
