package testlab

import (
	"fmt"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Network is what the client's cable leads to: Wi-Fi at home, say, or at work.
type Network struct {
	Client string // an address that is free for the client
	Router string
}

// The networks that there are. The client begins at Home.
var (
	Home = Network{ClientV4, GatewayV4}
	Work = Network{"10.79.0.2", "10.79.0.1"}
)

// Move takes the cable from one network to another, whose addresses are all of IPv4.
// Nobody is left there who knew the former.
func (l *Lab) Move(from, to Network) error {
	link, err := l.Gateway.link.LinkByName(outside)
	if err != nil {
		return err
	}
	former, err := netlink.ParseAddr(from.Router + "/24")
	if err != nil {
		return err
	}
	if err := l.Gateway.link.AddrDel(link, former); err != nil {
		return fmt.Errorf("%s of the former network: %w", former, err)
	}
	return l.Gateway.address(outside, to.Router+"/24")
}

// addressed says that a device has IPv6 addresses, the kernel's own left out, and that
// no address is waited for. NetworkManager is content with one family.
func (m *Machine) addressed(name string) bool {
	link, err := m.link.LinkByName(name)
	if err != nil {
		return false
	}
	list, err := m.link.AddrList(link, netlink.FAMILY_V6)
	if err != nil || slices.ContainsFunc(list, func(a netlink.Addr) bool { return a.Flags&unix.IFA_F_TENTATIVE != 0 }) {
		return false
	}
	return slices.ContainsFunc(list, func(a netlink.Addr) bool { return !a.IP.IsLinkLocalUnicast() })
}
