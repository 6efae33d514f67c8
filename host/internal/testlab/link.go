package testlab

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func (m *Machine) setUp(name string) error {
	link, err := m.link.LinkByName(name)
	if err != nil {
		return err
	}
	return m.link.LinkSetUp(link)
}

// settled says that the kernel has noticed all there is to notice: that the device
// is up and has a link-local address that is no other's.
func (m *Machine) settled(name string) bool {
	link, err := m.link.LinkByName(name)
	if err != nil || link.Attrs().OperState != netlink.OperUp {
		return false
	}
	list, err := m.link.AddrList(link, netlink.FAMILY_V6)
	return err == nil && slices.ContainsFunc(list, func(a netlink.Addr) bool {
		return a.IP.IsLinkLocalUnicast() && a.Flags&unix.IFA_F_TENTATIVE == 0
	})
}

func (m *Machine) address(name string, prefixes ...string) error {
	link, err := m.link.LinkByName(name)
	if err != nil {
		return err
	}
	for _, p := range prefixes {
		addr, err := netlink.ParseAddr(p)
		if err != nil {
			return err
		}
		addr.Flags = unix.IFA_F_NODAD
		if err := m.link.AddrAdd(link, addr); err != nil {
			return fmt.Errorf("address %s on %s: %w", p, name, err)
		}
	}
	return nil
}

func (m *Machine) route(to, via string) error {
	_, dst, err := net.ParseCIDR(to)
	if err != nil {
		return err
	}
	if err := m.link.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via)}); err != nil {
		return fmt.Errorf("route %s via %s: %w", to, via, err)
	}
	return nil
}

// Tunnels lists the TUN devices of the machine.
func (m *Machine) Tunnels() []netlink.Link {
	links, _ := m.link.LinkList()
	var tuns []netlink.Link
	for _, l := range links {
		if l.Type() == "tuntap" || l.Type() == "tun" {
			tuns = append(tuns, l)
		}
	}
	return tuns
}

// Addresses are those of one device, link-local ones left out.
func (m *Machine) Addresses(link netlink.Link) []netip.Prefix {
	list, _ := m.link.AddrList(link, netlink.FAMILY_ALL)
	var out []netip.Prefix
	for _, a := range list {
		p, err := netip.ParsePrefix(a.IPNet.String())
		if err == nil && !p.Addr().IsLinkLocalUnicast() {
			out = append(out, p)
		}
	}
	return out
}

// RouteDevice names the device that packets to an address leave by, "" when there
// is no route.
func (m *Machine) RouteDevice(to string) string {
	routes, err := m.link.RouteGet(net.ParseIP(to))
	if err != nil || len(routes) == 0 {
		return ""
	}
	link, err := m.link.LinkByIndex(routes[0].LinkIndex)
	if err != nil {
		return ""
	}
	return link.Attrs().Name
}

// Listens says whether a program on the machine accepts TCP connections on a port.
func (m *Machine) Listens(port int) bool {
	const listen = "0A"
	for _, file := range []string{"tcp", "tcp6"} {
		table := readFile(fmt.Sprintf("/proc/%d/net/%s", m.init.Process.Pid, file))
		for _, line := range strings.Split(table, "\n") {
			f := strings.Fields(line)
			if len(f) > 3 && f[3] == listen && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
				return true
			}
		}
	}
	return false
}
