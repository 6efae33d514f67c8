package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"
)

// keepAlive finds a vanished gateway even when no frame rule does: after 30 s of
// silence six probes, 10 s apart.
var keepAlive = net.KeepAliveConfig{Enable: true, Idle: 30 * time.Second, Interval: 10 * time.Second, Count: 6}

// OpenTCP connects to host:port, through the proxy if there is one. Errors are
// *diag.Diagnostic, or ctx's when it was cancelled.
func (d *Dialer) OpenTCP(ctx context.Context, host string, port int) (*Stream, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	conn, err := d.connect(ctx, host, port)
	if err != nil {
		return nil, err
	}
	return newTCPStream(conn), nil
}

// connect returns a TCP connection that reaches host:port.
func (d *Dialer) connect(ctx context.Context, host string, port int) (net.Conn, error) {
	if port < 1 || port > 65535 {
		return nil, badPort(port)
	}
	if d.cfg.Proxy != nil {
		return d.connectProxy(ctx, host, port)
	}
	return d.dialTCP(ctx, host, port)
}

// dialTCP connects directly: to the address chosen before, else, or when that one
// is dead, to the first of all that answers.
func (d *Dialer) dialTCP(ctx context.Context, host string, port int) (net.Conn, error) {
	if a, ok := d.recall(host); ok {
		conn, err := d.raceTo(ctx, []netip.Addr{a}, port)
		if err == nil {
			d.remember(host, a)
			return conn, nil
		}
	}
	addrs, err := d.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	conn, err := d.raceTo(ctx, addrs, port)
	if err != nil {
		return nil, dialDiagnostic(net.JoinHostPort(host, strconv.Itoa(port)), err)
	}
	d.remember(host, addrPort(conn.RemoteAddr()).Addr())
	return conn, nil
}

func (d *Dialer) raceTo(ctx context.Context, addrs []netip.Addr, port int) (net.Conn, error) {
	to := make([]netip.AddrPort, len(addrs))
	for i, a := range addrs {
		to[i] = netip.AddrPortFrom(a, uint16(port))
	}
	return race(ctx, to, d.cfg.DialTimeout, func(ctx context.Context, a netip.AddrPort) (net.Conn, error) {
		return d.dial(ctx, "tcp", a)
	})
}

func badPort(port int) error {
	return fmt.Errorf("transport: port %d, must be 1 to 65535", port)
}
