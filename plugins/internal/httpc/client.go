package httpc

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// MaxRedirects is how many redirects one request follows.
const MaxRedirects = 10

// answerTime is what an answer may take from its first byte to its last: a gateway
// may think as long as Timeout lets it, but not talk for ever.
const answerTime = 30 * time.Second

// Client keeps one connection at a time. The zero Client with a Dial is ready; it
// serves one goroutine.
type Client struct {
	// Dial connects to a gateway; what it returns speaks plaintext HTTP.
	Dial func(ctx context.Context, host string, port int) (net.Conn, error)
	// Header goes with every request, after Host.
	Header Header
	// Timeout bounds one request; 0: none beside the context's.
	Timeout time.Duration
	// Trace gets each message without its secrets; nil: no trace.
	Trace func(text string)
	// Redact returns a body fit for Trace; nil: bodies are left out.
	Redact func(body []byte) string
	// Fresh has each request go over a connection of its own.
	Fresh bool
	// Cookies are kept by host.
	Cookies Jar

	conn   net.Conn
	br     *bufio.Reader
	server string // host:port of conn
	used   bool   // conn has carried a request
}

// Close ends the connection; the next request opens another.
func (c *Client) Close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn, c.br = nil, nil
	}
}

// Conn is the open connection, or nil.
func (c *Client) Conn() net.Conn { return c.conn }

// Do sends one request and reads the answer with its body. Redirects are answers.
func (c *Client) Do(ctx context.Context, method string, u *url.URL, header Header, body []byte) (*Response, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	r, err := c.exchange(ctx, c.request(method, u, header, body), u, true)
	if err != nil {
		c.Close()
		return nil, err
	}
	release := guard(ctx, c.conn)
	sized, err := r.readBody(c.br)
	release()
	if err != nil {
		c.Close()
		return nil, ended(ctx, err)
	}
	c.trace(traceResponse(r, c.Redact))
	c.Cookies.take(u.Hostname(), r.Header)
	if c.Fresh || !r.keepAlive(sized) {
		c.Close()
	}
	return r, nil
}

// Follow is Do that follows redirects; later requests of it are GETs without body.
// It returns where it ended.
func (c *Client) Follow(ctx context.Context, method string, u *url.URL, header Header, body []byte) (*Response, *url.URL, error) {
	for range MaxRedirects {
		r, err := c.Do(ctx, method, u, header, body)
		if err != nil {
			return nil, u, err
		}
		next, err := Redirect(u, r)
		if next == nil || err != nil {
			return r, u, err
		}
		u, method, header, body = next, "GET", nil, nil
	}
	return nil, u, protocolError("the gateway redirects in circles")
}

// Connect is Tunnel by the method CONNECT.
func (c *Client) Connect(ctx context.Context, u *url.URL, target string, header Header) (*Response, net.Conn, []byte, error) {
	return c.Tunnel(ctx, "CONNECT", u, target, header)
}

// Tunnel sends a request whose answer turns the connection into a tunnel. With a
// 200 it returns the connection and what of the tunnel was read already; the
// connection is then the caller's.
func (c *Client) Tunnel(ctx context.Context, method string, u *url.URL, target string, header Header) (*Response, net.Conn, []byte, error) {
	ctx, cancel := c.bound(ctx)
	defer cancel()
	rq := c.request(method, u, header, nil)
	rq.Target = target
	r, err := c.exchange(ctx, rq, u, false)
	if err != nil {
		c.Close()
		return nil, nil, nil, err
	}
	c.trace(traceResponse(r, nil))
	if r.Status != 200 {
		c.Close()
		return r, nil, nil, nil
	}
	residual, _ := c.br.Peek(c.br.Buffered())
	conn := c.conn
	c.conn, c.br = nil, nil
	_ = conn.SetDeadline(time.Time{})
	return r, conn, residual, nil
}

func (c *Client) request(method string, u *url.URL, header Header, body []byte) Request {
	all := append(append(Header{}, c.Header...), header...)
	if cookies := c.Cookies.field(u.Hostname()); cookies != "" && method != "CONNECT" {
		all = append(all, Field{"Cookie", cookies})
	}
	return Request{Method: method, Target: u.RequestURI(), Host: HostField(u), Header: all, Body: body}
}

func (c *Client) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	if c.Timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, c.Timeout)
}

// exchange sends rq and reads the head of the answer. A kept connection may have
// been closed meanwhile: then a fresh one is tried, once.
func (c *Client) exchange(ctx context.Context, rq Request, u *url.URL, again bool) (*Response, error) {
	wire, err := rq.Append(nil)
	if err != nil {
		return nil, err
	}
	if err := c.open(ctx, u); err != nil {
		return nil, err
	}
	kept := c.used
	c.used = true
	c.trace(traceRequest(rq, c.Redact))
	r, err := c.send(ctx, wire)
	if err != nil && again && kept && ctx.Err() == nil && stale(err) {
		c.Close()
		return c.exchange(ctx, rq, u, false)
	}
	return r, ended(ctx, err)
}

// stale says whether a connection that was kept open may have failed with err only
// because it had been closed long before. One that hangs has not been.
func stale(err error) bool {
	var d *diag.Diagnostic
	return errors.Is(err, ErrEnded) || !errors.As(err, &d) && !errors.Is(err, os.ErrDeadlineExceeded)
}

func (c *Client) open(ctx context.Context, u *url.URL) error {
	server := net.JoinHostPort(u.Hostname(), strconv.Itoa(Port(u)))
	if c.conn != nil && c.server == server {
		return nil
	}
	c.Close()
	conn, err := c.Dial(ctx, u.Hostname(), Port(u))
	if err != nil {
		return err
	}
	c.conn, c.server, c.used = conn, server, false
	c.br = bufio.NewReader(conn)
	return nil
}

// send writes a request and reads the head of its answer. The context's end cuts
// both short.
func (c *Client) send(ctx context.Context, wire []byte) (*Response, error) {
	conn := c.conn
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return nil, unfinished(err)
	}
	defer guard(ctx, conn)()
	if _, err := conn.Write(wire); err != nil {
		// What the gateway said before it closed is worth more than the broken pipe.
		if r, headErr := readHead(c.br); headErr == nil {
			return r, nil
		}
		return nil, unfinished(err)
	}
	if _, err := c.br.Peek(1); err == nil {
		_ = conn.SetDeadline(sooner(deadline, time.Now().Add(answerTime)))
	}
	return readHead(c.br)
}

// sooner of two deadlines; the zero time is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// guard makes reads and writes of conn fail when ctx ends, until it is called off.
func guard(ctx context.Context, conn net.Conn) (off func()) {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	return func() { stop() }
}

// ended names err after the context's end if that was the cause, and makes a lost
// connection readable.
func ended(ctx context.Context, err error) error {
	var d *diag.Diagnostic
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded), ctx.Err() == nil && errors.Is(err, os.ErrDeadlineExceeded):
		return diag.New(diag.Unreachable, "the gateway did not answer in time", "It accepted the connection but sent no complete answer. Try again later.")
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &d):
		return err
	}
	return diag.New(diag.Unreachable, "the connection to the gateway broke: "+err.Error(), "Try again.")
}

// Redirect returns where r sends the request that went to u, or nil when r is no
// redirect. Only https is followed.
func Redirect(u *url.URL, r *Response) (*url.URL, error) {
	switch r.Status {
	case 301, 302, 303, 307, 308:
	default:
		return nil, nil
	}
	location := r.Header.Get("Location")
	next, err := u.Parse(location)
	if err != nil || location == "" || next.Scheme != "https" || next.Hostname() == "" || next.User != nil {
		return nil, protocolError("the gateway redirects to something that is no https address")
	}
	next.Fragment = ""
	return next, nil
}
