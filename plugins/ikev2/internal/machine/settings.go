package machine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
)

// wantedConfig asks for all that a tunnel may have, of Cisco's gateways also in their own
// terms.
func wantedConfig(ipv6, anyConnect bool) *ike.Config {
	kinds := []ike.AttributeKind{ike.InternalIP4Address, ike.InternalIP4Netmask, ike.InternalIP4DNS, ike.InternalIP4NBNS, ike.InternalIP4Subnet}
	if ipv6 {
		kinds = append(kinds, ike.InternalIP6Address, ike.InternalIP6DNS, ike.InternalIP6Subnet)
	}
	kinds = append(kinds, ike.InternalDNSDomain, ike.UnityBanner, ike.UnityDefaultDomain, ike.UnitySplitDNS)
	if anyConnect {
		kinds = append(kinds, ike.UnitySplitInclude, ike.UnityLocalLAN)
	}
	c := &ike.Config{Kind: ike.ConfigRequest}
	for _, k := range kinds {
		c.Attributes = append(c.Attributes, ike.Attribute{Kind: k})
	}
	return c
}

// Bounds of what a gateway may list.
const (
	maxBanner = 4096
	maxRoutes = 1024
)

// settingsOf reads a gateway's settings. The routes are its traffic selectors; where
// those are everything and it lists subnets, they are meant (RFC 7296 section 3.15.2).
func settingsOf(c *ike.Config, tsr []ike.Selector) (sdk.NetConfig, error) {
	var n sdk.NetConfig
	if c == nil || c.Kind != ike.ConfigReply {
		return n, fmt.Errorf("it gave no address")
	}
	var subnets []netip.Prefix
	for _, a := range c.Attributes {
		if len(a.Value) == 0 {
			continue
		}
		if err := setting(&n, &subnets, a); err != nil {
			return n, err
		}
	}
	if len(n.Addresses) == 0 {
		return n, fmt.Errorf("it gave no address")
	}
	routes, err := routesOf(tsr)
	if err != nil {
		return n, err
	}
	n.Routes = withSubnets(routes, subnets)
	return n, nil
}

// setting reads one attribute.
func setting(n *sdk.NetConfig, subnets *[]netip.Prefix, a ike.Attribute) error {
	switch a.Kind {
	case ike.InternalIP4Address:
		return address(&n.Addresses, a, 4, 32)
	case ike.InternalIP6Address:
		if len(a.Value) != 17 {
			return fmt.Errorf("an IPv6 address of %d bytes", len(a.Value))
		}
		return address(&n.Addresses, ike.Attribute{Kind: a.Kind, Value: a.Value[:16]}, 16, 128)
	case ike.InternalIP4DNS, ike.InternalIP6DNS:
		return server(&n.DNS, a)
	case ike.InternalIP4NBNS:
		return server(&n.NBNS, a)
	case ike.InternalIP4Subnet, ike.InternalIP6Subnet:
		p, err := subnet(a.Value)
		*subnets = append(*subnets, p)
		return err
	case ike.UnitySplitInclude:
		all, err := unitySubnets(a.Value)
		*subnets = append(*subnets, all...)
		return err
	case ike.UnityLocalLAN:
		all, err := unitySubnets(a.Value)
		n.Excludes = append(n.Excludes, all...)
		return err
	case ike.InternalDNSDomain:
		n.SplitDNS = append(n.SplitDNS, domains(a.Value)...)
	case ike.UnitySplitDNS:
		n.SplitDNS = append(n.SplitDNS, domains(a.Value)...)
	case ike.UnityDefaultDomain:
		n.Search = append(n.Search, domains(a.Value)...)
	case ike.UnityBanner:
		n.Banner = strings.ToValidUTF8(string(a.Value[:min(len(a.Value), maxBanner)]), "?")
	}
	return nil
}

func address(to *[]netip.Prefix, a ike.Attribute, size, bits int) error {
	ip, ok := netip.AddrFromSlice(a.Value)
	if !ok || len(a.Value) != size || ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() {
		return fmt.Errorf("the address %x", a.Value)
	}
	*to = append(*to, netip.PrefixFrom(ip, bits))
	return nil
}

func server(to *[]netip.Addr, a ike.Attribute) error {
	ip, ok := netip.AddrFromSlice(a.Value)
	if !ok {
		return fmt.Errorf("the server %x", a.Value)
	}
	if !slices.Contains(*to, ip) {
		*to = append(*to, ip)
	}
	return nil
}

// subnet reads an address with a mask (IPv4) or a length (IPv6).
func subnet(b []byte) (netip.Prefix, error) {
	var p netip.Prefix
	switch len(b) {
	case 8:
		bits := 0
		for bits < 32 && b[4+bits/8]&(0x80>>(bits%8)) != 0 {
			bits++
		}
		p = netip.PrefixFrom(netip.AddrFrom4([4]byte(b)), bits)
	case 17:
		p = netip.PrefixFrom(netip.AddrFrom16([16]byte(b)), int(b[16]))
	}
	if !p.IsValid() {
		return p, fmt.Errorf("the subnet %x", b)
	}
	return p.Masked(), nil
}

// unityEntry is the size of one network: address, mask, protocol and ports.
const unityEntry = 14

// unitySubnets reads networks of Cisco's. Protocols and ports are the gateway's to enforce.
func unitySubnets(b []byte) (all []netip.Prefix, err error) {
	if len(b)%unityEntry != 0 || len(b) > maxRoutes*unityEntry {
		return nil, fmt.Errorf("a list of networks of %d bytes", len(b))
	}
	for ; len(b) > 0; b = b[unityEntry:] {
		p, err := subnet(b[:8])
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// domains reads names between commas or spaces, and takes those that can be names.
func domains(b []byte) (names []string) {
	for _, name := range strings.FieldsFunc(string(b), func(r rune) bool { return r == ',' || r == ' ' || r == 0 }) {
		if name = strings.Trim(name, "."); plainName(name) && len(names) < maxRoutes {
			names = append(names, name)
		}
	}
	return names
}

// routesOf turns ranges into prefixes. Protocols and ports are the gateway's to enforce.
func routesOf(selectors []ike.Selector) ([]netip.Prefix, error) {
	var routes []netip.Prefix
	for _, s := range selectors {
		for at := s.First; ; {
			p := widest(at, s.End)
			if !slices.Contains(routes, p) {
				routes = append(routes, p)
			}
			if len(routes) > maxRoutes {
				return nil, fmt.Errorf("more than %d routes", maxRoutes)
			}
			last := lastOf(p)
			if last == s.End {
				break
			}
			at = last.Next()
		}
	}
	return routes, nil
}

// widest is the largest prefix that begins at first and does not go beyond end.
func widest(first, end netip.Addr) netip.Prefix {
	for bits := 0; bits < first.BitLen(); bits++ {
		p := netip.PrefixFrom(first, bits)
		if p.Masked().Addr() == first && !end.Less(lastOf(p)) {
			return p
		}
	}
	return netip.PrefixFrom(first, first.BitLen())
}

func lastOf(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(b); i++ {
		b[i/8] |= 0x80 >> (i % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

// withSubnets puts a family's subnets in the place of a route to everything.
func withSubnets(routes, subnets []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, r := range routes {
		var listed []netip.Prefix
		for _, s := range subnets {
			if s.Addr().Is4() == r.Addr().Is4() {
				listed = append(listed, s)
			}
		}
		if r.Bits() == 0 && len(listed) > 0 {
			out = append(out, listed...)
		} else {
			out = append(out, r)
		}
	}
	return out
}
