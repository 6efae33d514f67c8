package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// attemptDelay is how long one address may stay silent before the next is tried
// beside it (RFC 8305 section 5).
const attemptDelay = 250 * time.Millisecond

type dialFunc func(ctx context.Context, to netip.AddrPort) (net.Conn, error)

type attempt struct {
	conn net.Conn
	err  error
}

// race dials the addresses one after the other, attemptDelay apart or at once
// after a failure, and returns the first connection. Each try ends after limit.
func race(ctx context.Context, to []netip.AddrPort, limit time.Duration, dial dialFunc) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan attempt, len(to))
	start := func(a netip.AddrPort) {
		tctx, done := context.WithTimeout(ctx, limit)
		defer done()
		conn, err := dial(tctx, a)
		results <- attempt{conn, err}
	}
	var first error
	for next, running := 0, 0; next < len(to) || running > 0; {
		var timer <-chan time.Time
		if next < len(to) {
			go start(to[next])
			next, running = next+1, running+1
			timer = time.After(attemptDelay)
		}
		select {
		case <-timer:
			continue
		case r := <-results:
			running--
			if r.err == nil {
				go discard(results, running)
				return r.conn, nil
			}
			if first == nil {
				first = r.err
			}
		}
	}
	return nil, first
}

// discard closes the connections of the tries that lost.
func discard(results <-chan attempt, n int) {
	for range n {
		if r := <-results; r.conn != nil {
			_ = r.conn.Close()
		}
	}
}

// dialDiagnostic names what went wrong on the way to addr.
func dialDiagnostic(addr string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	var d *diag.Diagnostic
	if errors.As(err, &d) {
		return err
	}
	summary, detail := "cannot connect to "+addr, err.Error()
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		detail = "connection refused: nothing listens there; check the address and the port"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		detail = "no route: check that this machine is online"
	case errors.Is(err, syscall.ECONNRESET):
		detail = "connection reset by the other side or something in between"
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		detail = "no answer in time: a firewall may be in between, or the machine is down"
	}
	return diag.New(diag.Unreachable, summary, detail)
}
