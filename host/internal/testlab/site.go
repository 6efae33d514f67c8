package testlab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/vishvananda/netlink"
)

// Site is a private network behind a VPN gateway.
type Site struct {
	Machine *Machine // the gateway
	Name    string   // the gateway's
	Address string   // the gateway's, outside

	InsideV4, InsideV6 string   // the gateway's, inside
	PoolV4, PoolV6     string   // networks of the VPN's clients
	Domains            []string // known inside alone
}

// Site is the lab's own, where Gateway is.
func (l *Lab) Site() *Site {
	return &Site{l.Gateway, GatewayName, GatewayV4, InsideV4, InsideV6, "10.88.0.0/24", "fd88::/48", []string{"corp.test", "lab.test"}}
}

// The second site. The client reaches its gateway through the first one's machine,
// as through any router.
const (
	BranchName     = "branch.test"
	BranchV4       = "10.66.0.1"
	BranchInsideV4 = "10.199.0.1"
	BranchInsideV6 = "fd9b::1"

	branchCable = "eth1" // on the first gateway
	routerV4    = "10.66.0.254"
)

// branchGuard is guard for the second site.
const branchGuard = `table inet branch {
	chain in {
		type filter hook prerouting priority raw;
		iifname "eth*" ip daddr { 10.188.0.0/16, 10.199.0.0/16 } counter drop
		iifname "eth*" ip saddr { 10.188.0.0/16, 10.199.0.0/16 } counter drop
		iifname "eth*" ip6 daddr { fd8b::/16, fd9b::/16 } counter drop
		iifname "eth*" ip6 saddr { fd8b::/16, fd9b::/16 } counter drop
	}
}`

// AddBranch builds a second site.
//
//	client eth0 --- eth0 gateway eth1 --- eth0 branch 10.66.0.1, "branch.test"
//	                                           vpns*  10.188.0.1
//	                                           lo     10.199.0.1  fd9b::1
func (l *Lab) AddBranch() (*Site, error) {
	m, err := NewMachine("branch", l.Dir)
	if err != nil {
		return nil, err
	}
	l.more = append(l.more, m)
	if err := l.joinBranch(m); err != nil {
		return nil, fmt.Errorf("branch: %w", err)
	}
	return &Site{m, BranchName, BranchV4, BranchInsideV4, BranchInsideV6, "10.188.0.0/24", "fd8b::/48", []string{BranchName}}, nil
}

func (l *Lab) joinBranch(m *Machine) error {
	if err := connect(l.Gateway, branchCable, m, outside); err != nil {
		return err
	}
	err := errors.Join(
		l.Gateway.address(branchCable, routerV4+"/24"), m.address(outside, BranchV4+"/24"),
		m.address("lo", BranchInsideV4+"/32", BranchInsideV6+"/128"),
		l.Gateway.setUp(branchCable), m.setUp(outside),
		m.route("0.0.0.0/0", routerV4),
		l.Gateway.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) }),
		m.Nft(branchGuard), l.Gateway.Nft(branchGuard), l.Client.Nft(branchGuard),
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return Await(ctx, "the second cable", func() bool { return l.Gateway.settled(branchCable) && m.settled(outside) })
}

// Cable is a second one between the client and the gateway.
type Cable struct {
	Name            string // of the device, at both ends
	Client, Gateway string // addresses of the ends
}

// AddCable lays it. The client's end is left to the test.
func (l *Lab) AddCable() (Cable, error) {
	c := Cable{"eth2", "10.78.0.2", "10.78.0.1"}
	if err := connect(l.Client, c.Name, l.Gateway, c.Name); err != nil {
		return c, err
	}
	if err := errors.Join(l.Gateway.address(c.Name, c.Gateway+"/24"), l.Gateway.setUp(c.Name), l.Client.setUp(c.Name)); err != nil {
		return c, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return c, Await(ctx, "the second cable", func() bool { return l.Gateway.settled(c.Name) && l.Client.settled(c.Name) })
}

// connect lays a cable between two machines.
func connect(a *Machine, nameA string, b *Machine, nameB string) error {
	there, err := os.Open(b.namespace("net"))
	if err != nil {
		return err
	}
	defer there.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = nameA
	cable := &netlink.Veth{LinkAttrs: attrs, PeerName: nameB, PeerNamespace: netlink.NsFd(there.Fd())}
	if err := a.link.LinkAdd(cable); err != nil {
		return fmt.Errorf("veth pair: %w", err)
	}
	return nil
}
