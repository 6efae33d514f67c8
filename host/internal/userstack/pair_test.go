package userstack

import (
	"context"
	"io"
	"net"
	"net/netip"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"

	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/netcfg"
)

const testMTU = 1400

// The two ends of the tests' tunnel.
var (
	hereV4, thereV4 = netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.9.0.1")
	hereV6, thereV6 = netip.MustParseAddr("fd00::7"), netip.MustParseAddr("fd09::1")
)

func settingsOf(v4, v6 netip.Addr) netcfg.Config {
	return netcfg.Config{
		Interface: "test", MTU: testMTU,
		Addresses: []netip.Prefix{netip.PrefixFrom(v4, 24), netip.PrefixFrom(v6, 64)},
		Routes:    []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16"), netip.MustParsePrefix("fd09::/16"), netip.MustParsePrefix("10.0.0.0/8")},
		Excludes:  []netip.Prefix{netip.MustParsePrefix("10.9.9.0/24")},
		DNS:       []netip.Addr{thereV4}, Search: []string{"corp.test"},
	}
}

// pair is a tunnel with a stack at each end.
type pair struct {
	here, there       *Network
	hereDev, thereDev tun.Device
}

func newPair(t *testing.T) pair {
	t.Helper()
	var p pair
	var err error
	if p.here, p.hereDev, err = New("here", settingsOf(hereV4, hereV6)); err != nil {
		t.Fatal(err)
	}
	if p.there, p.thereDev, err = New("there", settingsOf(thereV4, thereV6)); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 2)
	go func() { ended <- pump(p.hereDev, p.thereDev) }()
	go func() { ended <- pump(p.thereDev, p.hereDev) }()
	t.Cleanup(func() {
		_, _ = p.hereDev.Close(), p.thereDev.Close()
		for range 2 {
			<-ended
		}
	})
	return p
}

// pump carries packets as the data plane does, and finds those that are too long.
func pump(from, to tun.Device) error {
	size := from.BatchSize()
	bufs, sizes := packet.NewBuffers(size), make([]int, size)
	for {
		n, err := from.Read(bufs, sizes, packet.Headroom)
		if err != nil {
			return err
		}
		batch := make([][]byte, n)
		for i := range n {
			batch[i] = bufs[i][:packet.Headroom+sizes[i]]
			if sizes[i] > testMTU {
				panic("a packet is longer than the MTU")
			}
		}
		if _, err := to.Write(batch, packet.Headroom); err != nil {
			return err
		}
	}
}

// listen serves each connection to a port there.
func (p pair) listen(t *testing.T, a netip.Addr, port uint16, serve func(net.Conn)) {
	t.Helper()
	l, err := gonet.ListenTCP(p.there.stack.Stack, fullAddress(netip.AddrPortFrom(a, port)), protocol(a))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
}

// echo sends back what it gets.
func echo(c net.Conn) {
	_, _ = io.Copy(c, c)
	_ = c.(*gonet.TCPConn).CloseWrite()
}

func (p pair) dial(t *testing.T, ctx context.Context, host string, port uint16) net.Conn {
	t.Helper()
	c, err := p.here.Dial(ctx, host, port)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
