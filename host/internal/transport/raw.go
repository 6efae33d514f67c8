package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// rawProtocols are the IP protocols that a raw socket may be of: what tunnels are made
// of, and nothing that this machine itself speaks.
var rawProtocols = map[int]string{47: "GRE", 50: "ESP"}

// OpenRaw connects a raw socket of an IP protocol, GRE or ESP, to host: to the address
// that a stream to this host uses, if there is one. Nothing is sent. It needs CAP_NET_RAW.
func (d *Dialer) OpenRaw(ctx context.Context, host string, protocol int) (*Packets, error) {
	name, allowed := rawProtocols[protocol]
	if !allowed {
		return nil, diag.Newf(diag.Invalid, "no raw socket of IP protocol %d: there are those of 47 (GRE) and 50 (ESP)", protocol)
	}
	if d.cfg.Proxy != nil {
		return nil, noDatagrams(name, host, d.cfg.Proxy)
	}
	addrs, err := d.addressesOf(ctx, host)
	if err != nil {
		return nil, err
	}
	var first error
	for _, a := range addrs {
		conn, err := d.dial(ctx, fmt.Sprintf("ip:%d", protocol), netip.AddrPortFrom(a, 0))
		if err == nil {
			d.remember(host, a)
			return newRaw(conn.(*net.IPConn)), nil
		}
		if first == nil {
			first = err
		}
	}
	if errors.Is(first, syscall.EPERM) {
		return nil, diag.New(diag.Unreachable, "no "+name+" to "+host,
			"packets of an IP protocol of their own take the capability CAP_NET_RAW: run penstock as root, or give it that")
	}
	return nil, dialDiagnostic(host, first)
}

func newRaw(conn *net.IPConn) *Packets {
	tuneDatagrams(conn)
	info := packetInfo("raw", conn)
	return &Packets{conn: conn, info: info, headed: info.Remote.Addr().Is4()}
}

// ipPayload is what an IPv4 packet carries; nil when it is cut short.
func ipPayload(packet []byte) []byte {
	const least = 20 // bytes of a header
	if len(packet) < least {
		return nil
	}
	size := int(packet[0]&15) * 4
	if size < least || size > len(packet) {
		return nil
	}
	return packet[size:]
}
