package nm

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// dictionary is an a{sv} of the interface.
type dictionary = map[string]dbus.Variant

// maxRoutes bounds the routes of a family, after excludes were cut out.
const maxRoutes = 4096

// generic is the Config dictionary.
func generic(c netcfg.Config) dictionary {
	d := dictionary{
		"tundev":      dbus.MakeVariant(c.Interface),
		"mtu":         dbus.MakeVariant(uint32(c.MTU)),
		"has-ip4":     dbus.MakeVariant(first(c.Addresses, netip.Addr.Is4).IsValid()),
		"has-ip6":     dbus.MakeVariant(first(c.Addresses, netip.Addr.Is6).IsValid()),
		"can-persist": dbus.MakeVariant(true),
	}
	switch gateway := c.Gateway.Unmap(); {
	case gateway.Is4():
		d["gateway"] = dbus.MakeVariant(word(gateway))
	case gateway.Is6():
		d["gateway"] = dbus.MakeVariant(gateway.AsSlice())
	}
	if c.Banner != "" {
		d["banner"] = dbus.MakeVariant(c.Banner)
	}
	if c.ProxyPAC != "" {
		d["pac"] = dbus.MakeVariant(c.ProxyPAC)
	}
	return d
}

// ip4 is the Ip4Config dictionary, nil without an IPv4 address. never says that the
// user wants no default route.
func ip4(c netcfg.Config, never bool) dictionary {
	address := first(c.Addresses, netip.Addr.Is4)
	if !address.IsValid() {
		return nil
	}
	routes, isDefault := into(c, netip.Addr.Is4, never)
	table := [][]uint32{}
	for _, p := range routes {
		table = append(table, []uint32{word(p.Addr()), uint32(p.Bits()), 0, 0})
	}
	d := dictionary{
		"address":       dbus.MakeVariant(word(address.Addr())),
		"prefix":        dbus.MakeVariant(uint32(address.Bits())),
		"routes":        dbus.MakeVariant(table),
		"never-default": dbus.MakeVariant(!isDefault),
	}
	if servers := words(c.DNS); len(servers) > 0 {
		d["dns"] = dbus.MakeVariant(servers)
	}
	if servers := words(c.NBNS); len(servers) > 0 {
		d["nbns"] = dbus.MakeVariant(servers)
	}
	addDomains(d, c, isDefault)
	return d
}

// route6 is an element of a(ayuayu): destination, prefix, next hop, metric.
type route6 struct {
	Destination []byte
	Prefix      uint32
	NextHop     []byte
	Metric      uint32
}

// ip6 is the Ip6Config dictionary, nil without an IPv6 address.
func ip6(c netcfg.Config, never bool) dictionary {
	address := first(c.Addresses, netip.Addr.Is6)
	if !address.IsValid() {
		return nil
	}
	routes, isDefault := into(c, netip.Addr.Is6, never)
	table := []route6{}
	for _, p := range routes {
		table = append(table, route6{p.Addr().AsSlice(), uint32(p.Bits()), netip.IPv6Unspecified().AsSlice(), 0})
	}
	d := dictionary{
		"address":       dbus.MakeVariant(address.Addr().AsSlice()),
		"prefix":        dbus.MakeVariant(uint32(address.Bits())),
		"routes":        dbus.MakeVariant(table),
		"never-default": dbus.MakeVariant(!isDefault),
	}
	var servers [][]byte
	for _, a := range c.DNS {
		if a.Is6() {
			servers = append(servers, a.AsSlice())
		}
	}
	if len(servers) > 0 {
		d["dns"] = dbus.MakeVariant(servers)
	}
	addDomains(d, c, isDefault)
	return d
}

// addDomains gives the domains to search in and, with "~", those that are only asked
// inside. Under a default route everything is asked inside already; where neither
// tells what to ask the servers, they are asked everything.
func addDomains(d dictionary, c netcfg.Config, isDefault bool) {
	if len(c.DNS) == 0 {
		return
	}
	var all []string
	all = append(all, c.Search...)
	for _, name := range c.SplitDNS {
		if !slices.Contains(c.Search, name) { // searched in means asked inside, too
			all = append(all, "~"+name)
		}
	}
	if len(all) == 0 && !isDefault {
		all = []string{"~."}
	}
	if len(all) > 0 {
		d["domains"] = dbus.MakeVariant(all)
	}
}

// into are the routes of a family that go into the tunnel, and whether its default
// route does. NetworkManager knows no excludes: they are cut out of the rest, and a
// default route with a hole in it is many routes.
func into(c netcfg.Config, family func(netip.Addr) bool, never bool) (routes []netip.Prefix, isDefault bool) {
	for _, p := range c.Routes {
		if family(p.Addr()) && (p.Bits() > 0 || !never) {
			routes = append(routes, p.Masked())
		}
	}
	for _, hole := range c.Excludes {
		if family(hole.Addr()) {
			routes = without(routes, hole.Masked())
		}
	}
	var rest []netip.Prefix
	for _, p := range routes {
		if p.Bits() == 0 {
			isDefault = true
		} else if len(rest) < maxRoutes {
			rest = append(rest, p)
		}
	}
	return rest, isDefault
}

// without cuts hole out of each prefix: the halves beside the way down to it stay.
func without(prefixes []netip.Prefix, hole netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range prefixes {
		switch {
		case !p.Overlaps(hole):
			out = append(out, p)
		case p.Bits() < hole.Bits():
			for bits := p.Bits() + 1; bits <= hole.Bits(); bits++ {
				out = append(out, sibling(netip.PrefixFrom(hole.Addr(), bits)))
			}
		}
	}
	return out
}

// sibling is the other half of the prefix one bit shorter.
func sibling(p netip.Prefix) netip.Prefix {
	b := p.Masked().Addr().AsSlice()
	b[(p.Bits()-1)/8] ^= 0x80 >> ((p.Bits() - 1) % 8)
	a, _ := netip.AddrFromSlice(b)
	return netip.PrefixFrom(a, p.Bits())
}

// first is the first address of a family; NetworkManager takes one of each.
func first(addresses []netip.Prefix, family func(netip.Addr) bool) netip.Prefix {
	for _, p := range addresses {
		if family(p.Addr()) {
			return p
		}
	}
	return netip.Prefix{}
}

// word is an IPv4 address as the interface has it: network byte order in memory.
func word(a netip.Addr) uint32 {
	b := a.As4()
	return binary.NativeEndian.Uint32(b[:])
}

func words(addresses []netip.Addr) []uint32 {
	var all []uint32
	for _, a := range addresses {
		if a.Is4() {
			all = append(all, word(a))
		}
	}
	return all
}
