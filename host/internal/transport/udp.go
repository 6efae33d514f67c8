package transport

import (
	"context"
	"net"
	"net/netip"
	"net/url"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// socketBuffer is asked of the kernel for each direction, in bytes: enough for a
// round trip at a few Gb/s. An unprivileged host gets what net.core allows.
const socketBuffer = 7 << 20

// OpenUDP connects a UDP socket to host:port: to the address that a stream to this
// host uses, if there is one. Nothing is sent.
func (d *Dialer) OpenUDP(ctx context.Context, host string, port int) (*Packets, error) {
	conn, err := d.dialUDP(ctx, host, port)
	if err != nil {
		return nil, err
	}
	p := &Packets{conn: conn, info: packetInfo("udp", conn), offload: !d.cfg.NoOffload}
	return p, nil
}

func (d *Dialer) dialUDP(ctx context.Context, host string, port int) (*net.UDPConn, error) {
	if port < 1 || port > 65535 {
		return nil, badPort(port)
	}
	if d.cfg.Proxy != nil {
		return nil, noDatagrams("UDP", host, d.cfg.Proxy)
	}
	addrs, err := d.addressesOf(ctx, host)
	if err != nil {
		return nil, err
	}
	var first error
	for _, a := range addrs {
		to := netip.AddrPortFrom(a, uint16(port))
		conn, err := d.dial(ctx, "udp", to)
		if err == nil {
			d.remember(host, a)
			udp := conn.(*net.UDPConn)
			tuneDatagrams(udp)
			return udp, nil
		}
		if first == nil {
			first = err // no route to this family, for one
		}
	}
	return nil, dialDiagnostic(net.JoinHostPort(host, strconv.Itoa(port)), first)
}

func noDatagrams(protocol, host string, proxy *url.URL) error {
	return diag.New(diag.Unreachable, "no "+protocol+" to "+host,
		"the connection goes through the proxy "+proxy.Redacted()+", and proxies carry TCP only").With("proxy")
}

// addressesOf is the address that streams to host use, else all that it has.
func (d *Dialer) addressesOf(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, known := d.recall(host); known {
		return []netip.Addr{a}, nil
	}
	return d.addresses(ctx, host)
}

// tuneDatagrams sets large buffers and the don't-fragment bit, where the kernel lets it.
func tuneDatagrams(conn socket) {
	control(conn, func(fd int) {
		for force, plain := range map[int]int{unix.SO_RCVBUFFORCE: unix.SO_RCVBUF, unix.SO_SNDBUFFORCE: unix.SO_SNDBUF} {
			if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, socketBuffer) != nil {
				_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, socketBuffer)
			}
		}
	})
	dontFragment(conn, true)
}

func packetInfo(kind string, conn socket) Info {
	remote := addrPort(conn.RemoteAddr())
	i := Info{
		Kind: kind, Local: addrPort(conn.LocalAddr()), Remote: remote,
		PathMTU: udpPathMTU(conn), Overhead: ipHeader(remote.Addr()),
	}
	if kind != "raw" {
		i.Overhead += udpHeader
	}
	return i
}
