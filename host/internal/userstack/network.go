package userstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"

	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/netcfg"
)

const (
	dialTime = 20 * time.Second       // for all addresses of a name
	headway  = 250 * time.Millisecond // of an address before the next one (RFC 8305)
)

// Network is the inside, for those who connect to it.
type Network struct {
	stack    *netstack
	settings atomic.Pointer[settings]
}

// settings are what the gateway said last.
type settings struct {
	routes
	servers []netip.Addr
	search  []string
	known   known
}

// New makes the inside of a tunnel and the device that leads to it; name is for people.
// Closing the device ends every connection.
func New(name string, c netcfg.Config) (*Network, tun.Device, error) {
	s, err := newStack(c.MTU)
	if err != nil {
		return nil, nil, err
	}
	n := &Network{stack: s}
	if err := n.Configure(c); err != nil {
		return nil, nil, errors.Join(err, s.close())
	}
	return n, newDevice(name, s), nil
}

// Configure follows new settings. Connections of an address that is no more end.
func (n *Network) Configure(c netcfg.Config) error {
	n.settings.Store(&settings{
		routes:  routes{addresses: c.Addresses, into: c.Routes, outside: c.Excludes},
		servers: c.DNS, search: c.Search,
	})
	return n.stack.setAddresses(c.Addresses)
}

// Dial connects to a port of a host inside, by name or address.
func (n *Network) Dial(ctx context.Context, host string, port uint16) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	all, err := n.Resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	return n.dialFirst(ctx, all, port)
}

// Resolve returns the addresses of a host that are inside, one at least.
func (n *Network) Resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	s := n.settings.Load()
	if a, err := netip.ParseAddr(host); err == nil {
		a = a.Unmap()
		return []netip.Addr{a}, s.check(a)
	}
	all, err := n.lookup(ctx, host)
	if err != nil {
		return nil, err
	}
	var inside []netip.Addr
	var why error
	for _, a := range all {
		if err := s.check(a); err != nil {
			why = err
			continue
		}
		inside = append(inside, a)
	}
	if len(inside) == 0 {
		return nil, fmt.Errorf("%s: %w", host, why)
	}
	return inside, nil
}

// dialFirst tries each address a little after the one before it, and takes the first that
// connects.
func (n *Network) dialFirst(ctx context.Context, all []netip.Addr, port uint16) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		net.Conn
		err error
	}
	results := make(chan result, len(all))
	next, running := time.NewTimer(0), 0
	defer next.Stop()
	var failed error
	for len(all) > 0 || running > 0 {
		select {
		case <-next.C:
			if len(all) > 0 {
				to := netip.AddrPortFrom(all[0], port)
				all = all[1:]
				running++
				go func() {
					c, err := n.dialTCP(ctx, to)
					results <- result{c, err}
				}()
				next.Reset(headway)
			}
		case r := <-results:
			if running--; r.err == nil {
				go func() { // those that were slower
					for range running {
						if r := <-results; r.err == nil {
							_ = r.Close()
						}
					}
				}()
				return r.Conn, nil
			}
			failed = r.err
			next.Reset(0)
		}
	}
	return nil, failed
}

func (n *Network) dialTCP(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	c, err := gonet.DialContextTCP(ctx, n.stack.Stack, fullAddress(to), protocol(to.Addr()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", to, cause(err))
	}
	return c, nil
}

// dialUDP connects to a name server, which no route needs to cover.
func (n *Network) dialUDP(to netip.AddrPort) (net.Conn, error) {
	remote := fullAddress(to)
	c, err := gonet.DialUDP(n.stack.Stack, nil, &remote, protocol(to.Addr()))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", to, cause(err))
	}
	return c, nil
}

// ListenUDP returns a socket on a free port, of IPv6 or IPv4.
func (n *Network) ListenUDP(v6 bool) (net.PacketConn, error) {
	local, proto := tcpip.FullAddress{NIC: nic}, protocol(netip.IPv4Unspecified())
	if v6 {
		proto = protocol(netip.IPv6Unspecified())
	}
	c, err := gonet.DialUDP(n.stack.Stack, &local, nil, proto)
	if err != nil {
		return nil, cause(err)
	}
	return c, nil
}

// causes are netstack's words for what has a number elsewhere.
var causes = map[string]error{
	(&tcpip.ErrConnectionRefused{}).String():  syscall.ECONNREFUSED,
	(&tcpip.ErrConnectionReset{}).String():    syscall.ECONNRESET,
	(&tcpip.ErrNetworkUnreachable{}).String(): syscall.ENETUNREACH,
	(&tcpip.ErrHostUnreachable{}).String():    syscall.EHOSTUNREACH,
	(&tcpip.ErrTimeout{}).String():            syscall.ETIMEDOUT,
}

// cause is err as the kernel's TCP/IP would have it.
func cause(err error) error {
	text := err.Error()
	if op, ok := errors.AsType[*net.OpError](err); ok {
		text = op.Err.Error()
	}
	if known, ok := causes[text]; ok {
		return known
	}
	return err
}
