package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// dial connects a socket of its own to an address, outside the tunnel.
func (d *Dialer) dial(ctx context.Context, network string, to netip.AddrPort) (net.Conn, error) {
	dialer := net.Dialer{KeepAliveConfig: keepAlive}
	if d.cfg.Around != nil {
		device, err := d.cfg.Around(to.Addr())
		if err != nil {
			return nil, err
		}
		if device != "" {
			dialer.Control = func(_, _ string, c syscall.RawConn) error { return bind(c, device) }
		}
	}
	address := to.String()
	if to.Port() == 0 { // raw
		address = to.Addr().String()
	}
	return dialer.DialContext(ctx, network, address)
}

// bind has a socket use the routes of one device alone.
func bind(c syscall.RawConn, device string) error {
	var failed error
	if err := c.Control(func(fd uintptr) { failed = unix.BindToDevice(int(fd), device) }); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("bind to %s: %w", device, failed)
	}
	return nil
}
