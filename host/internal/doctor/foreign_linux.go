package doctor

import (
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tunnels are the kinds of devices that VPNs make.
var tunnels = []string{"tuntap", "wireguard", "ppp", "xfrm", "vti", "vti6"}

// foreign are the tunnels of other programs.
func foreign(devices []string) []Tunnel {
	links, err := netlink.LinkList()
	if err != nil {
		return nil
	}
	var all []Tunnel
	for _, l := range links {
		a := l.Attrs()
		if !slices.Contains(tunnels, l.Type()) || slices.Contains(devices, a.Name) {
			continue
		}
		tap, isTUN := l.(*netlink.Tuntap)
		if isTUN && tap.Mode != netlink.TUNTAP_MODE_TUN {
			continue // of virtual machines
		}
		t := Tunnel{Name: a.Name, Kind: l.Type(), Held: !isTUN || a.RawFlags&unix.IFF_LOWER_UP != 0, Routes: wide(a.Index)}
		if isTUN {
			t.Kind = "tun"
		}
		all = append(all, t)
	}
	return all
}

// wide are the routes of half the world or more into a device.
func wide(index int) []netip.Prefix {
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_ALL, &netlink.Route{LinkIndex: index}, netlink.RT_FILTER_OIF)
	if err != nil {
		return nil
	}
	var all []netip.Prefix
	for _, r := range routes {
		if r.Dst == nil {
			all = append(all, netip.PrefixFrom(netip.IPv4Unspecified(), 0))
		} else if ones, _ := r.Dst.Mask.Size(); ones <= 1 {
			addr, _ := netip.AddrFromSlice(r.Dst.IP)
			all = append(all, netip.PrefixFrom(addr.Unmap(), ones))
		}
	}
	return all
}

// wayTo is the device that packets to an address leave by, and whether it is a tunnel.
func wayTo(to netip.Addr) (device string, tunnel bool, mtu int) {
	routes, err := netlink.RouteGet(net.IP(to.AsSlice()))
	if err != nil || len(routes) == 0 {
		return "", false, 0
	}
	l, err := netlink.LinkByIndex(routes[0].LinkIndex)
	if err != nil {
		return "", false, 0
	}
	return l.Attrs().Name, slices.Contains(tunnels, l.Type()), l.Attrs().MTU
}
