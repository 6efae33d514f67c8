package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestInterleave(t *testing.T) {
	var in, want []netip.Addr
	for _, s := range []string{"::1", "::2", "::3", "192.0.2.1", "192.0.2.2"} {
		in = append(in, netip.MustParseAddr(s))
	}
	for _, s := range []string{"::1", "192.0.2.1", "::2", "192.0.2.2", "::3"} {
		want = append(want, netip.MustParseAddr(s))
	}
	if got := interleave(in); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// gateways is a network of addresses and what happens to those who dial them.
type gateways map[string]func(ctx context.Context) (net.Conn, error)

func (g gateways) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return g[to.Addr().String()](ctx)
}

func silent(ctx context.Context) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func refuses(context.Context) (net.Conn, error) { return nil, syscall.ECONNREFUSED }

// named is a connection that says whose it is and whether it was closed.
type named struct {
	net.Conn
	name   string
	closed chan struct{}
}

func (n *named) Close() error { close(n.closed); return nil }

func answers(conn *named, after time.Duration) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		<-time.After(after)
		return conn, nil
	}
}

func addrPorts(addrs ...string) (to []netip.AddrPort) {
	for _, a := range addrs {
		to = append(to, netip.AddrPortFrom(netip.MustParseAddr(a), 443))
	}
	return to
}

func TestRace(t *testing.T) {
	fast, slow := &named{name: "fast", closed: make(chan struct{})}, &named{name: "slow", closed: make(chan struct{})}
	cases := map[string]struct {
		network gateways
		took    time.Duration
		winner  *named
	}{
		"the first answers":           {gateways{"::1": answers(fast, time.Millisecond), "::2": silent, "::3": silent}, time.Millisecond, fast},
		"the first is a black hole":   {gateways{"::1": silent, "::2": answers(fast, 0), "::3": silent}, attemptDelay, fast},
		"two refuse":                  {gateways{"::1": refuses, "::2": refuses, "::3": answers(fast, 0)}, 0, fast},
		"nobody answers":              {gateways{"::1": silent, "::2": silent, "::3": silent}, 15*time.Second + 2*attemptDelay, nil},
		"the second overtakes":        {gateways{"::1": answers(slow, time.Second), "::2": answers(fast, 0), "::3": refuses}, attemptDelay, fast},
		"refused, and then silence":   {gateways{"::1": refuses, "::2": silent, "::3": refuses}, 15 * time.Second, nil},
		"the slow one is the only":    {gateways{"::1": silent, "::2": answers(slow, 14*time.Second), "::3": refuses}, 14*time.Second + attemptDelay, slow},
		"silence, refused, an answer": {gateways{"::1": silent, "::2": refuses, "::3": answers(fast, 0)}, attemptDelay, fast},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fast.closed, slow.closed = make(chan struct{}), make(chan struct{})
				start := time.Now()
				conn, err := race(t.Context(), addrPorts("::1", "::2", "::3"), 15*time.Second, c.network.dial)
				if took := time.Since(start); took != c.took {
					t.Errorf("took %v, want %v", took, c.took)
				}
				switch {
				case c.winner == nil && err == nil:
					t.Error("connected to nobody")
				case c.winner != nil && conn != net.Conn(c.winner):
					t.Errorf("got %v, %v", conn, err)
				}
				if name == "the second overtakes" {
					<-slow.closed
				}
			})
		})
	}
}

func TestRaceIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := race(ctx, addrPorts("::1"), time.Minute, gateways{"::1": silent}.dial)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

func TestDialDiagnostics(t *testing.T) {
	for word, err := range map[string]error{
		"refused":   &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED},
		"no route":  &net.OpError{Op: "dial", Err: syscall.ENETUNREACH},
		"in time":   context.DeadlineExceeded,
		"reset":     syscall.ECONNRESET,
		"something": errors.New("something else"),
	} {
		d := wantDiagnostic(t, dialDiagnostic("vpn.test:443", err), diag.Unreachable, "")
		if !strings.Contains(d.Detail, word) || !strings.Contains(d.Summary, "vpn.test:443") {
			t.Errorf("%v: got %v", err, d)
		}
	}
	if err := dialDiagnostic("x", context.Canceled); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestResolveDiagnostics(t *testing.T) {
	d := New(Config{Resolver: loopback})
	_, err := d.OpenTCP(t.Context(), "nowhere.test", 443)
	got := wantDiagnostic(t, err, diag.Unreachable, "gateway")
	if !strings.Contains(got.Detail, "no such name") {
		t.Errorf("got %v", got)
	}
	d = New(Config{Resolver: names{"empty.test": nil}})
	_, err = d.OpenTCP(t.Context(), "empty.test", 443)
	wantDiagnostic(t, err, diag.Unreachable, "gateway")
}

// TestUDPTakesTheFamilyThatHasARoute: the first address cannot be connected to.
func TestUDPTakesTheFamilyThatHasARoute(t *testing.T) {
	table := names{"vpn.test": {netip.MustParseAddr("fe80::1%nonexistent"), netip.MustParseAddr("127.0.0.1")}}
	p, err := New(Config{Resolver: table}).OpenUDP(t.Context(), "vpn.test", 443)
	must(t, err)
	if got := p.Info().Remote.String(); got != "127.0.0.1:443" {
		t.Errorf("went to %s", got)
	}
	must(t, p.Close())
}

func TestOpenTCP(t *testing.T) {
	port := listen(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	d := New(Config{Resolver: loopback})
	s, err := d.OpenTCP(t.Context(), "vpn.test", port)
	must(t, err)
	defer func() { _ = s.Close() }()
	info := s.Info()
	if info.Kind != "tcp" || info.Remote.String() != netip.AddrPortFrom(loopback["vpn.test"][0], uint16(port)).String() || !info.Local.IsValid() {
		t.Errorf("got %+v", info)
	}
	if info.PathMTU < 1000 || info.Overhead < 40 || info.Overhead > 52 {
		t.Errorf("path MTU %d, overhead %d", info.PathMTU, info.Overhead)
	}
	plugin := plaintext(t, s)
	_, err = plugin.Write([]byte("ping"))
	must(t, err)
	got := make([]byte, 4)
	if _, err = io.ReadFull(plugin, got); err != nil || string(got) != "ping" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := s.Export("x", nil, 32); err == nil {
		t.Error("keying material without TLS")
	}
}

func TestOpenRefusesBadPorts(t *testing.T) {
	d := New(Config{Resolver: loopback})
	for _, port := range []int{-1, 0, 65536} {
		_, tcp := d.OpenTCP(t.Context(), "vpn.test", port)
		_, udp := d.OpenUDP(t.Context(), "vpn.test", port)
		if tcp == nil || udp == nil {
			t.Errorf("port %d is accepted", port)
		}
	}
}

// While a tunnel is lost its name servers do not answer: the last address serves.
func TestLastAddressWithoutNameServers(t *testing.T) {
	port := listen(t, func(net.Conn) {})
	table := names{"vpn.test": {netip.MustParseAddr("127.0.0.1")}}
	d := New(Config{Resolver: table})
	for range 2 {
		s, err := d.OpenTCP(t.Context(), "vpn.test", port)
		must(t, err)
		must(t, s.Close())
		delete(table, "vpn.test")
		d.Forget()
	}
	_, err := d.OpenTCP(t.Context(), "other.test", port)
	wantDiagnostic(t, err, diag.Unreachable, "gateway")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.OpenTCP(ctx, "vpn.test", port); err == nil {
		t.Error("connected although cancelled")
	}
}

// TestSameGateway: later transports go to the address that answered first, until
// it is forgotten; when it is dead, all are tried anew.
func TestSameGateway(t *testing.T) {
	port := listen(t, func(net.Conn) {})
	table := names{"vpn.test": {netip.MustParseAddr("127.0.0.1")}}
	d := New(Config{Resolver: table})
	if d.Gateway().IsValid() {
		t.Error("a gateway before any")
	}
	open := func() netip.Addr {
		s, err := d.OpenTCP(t.Context(), "vpn.test", port)
		must(t, err)
		must(t, s.Close())
		return s.Info().Remote.Addr()
	}
	first := open()
	table["vpn.test"] = []netip.Addr{netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("127.0.0.1")}
	if got := open(); got != first || d.Gateway() != first {
		t.Errorf("went to %v, then %v", first, got)
	}
	u, err := d.OpenUDP(t.Context(), "vpn.test", port)
	must(t, err)
	if got := u.Info().Remote.Addr(); got != first {
		t.Errorf("UDP goes to %v", got)
	}
	must(t, u.Close())
	d.Forget()
	u, err = d.OpenUDP(t.Context(), "vpn.test", port)
	must(t, err)
	if got := u.Info().Remote.Addr(); got != netip.MustParseAddr("127.0.0.9") {
		t.Errorf("after Forget UDP goes to %v", got)
	}
	must(t, u.Close())
	if got := open(); got != first || d.Gateway() != first { // nothing listens on 127.0.0.9
		t.Errorf("a dead address is stuck to: %v", got)
	}
}
