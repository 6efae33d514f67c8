package machine

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/sdk"
)

// granted is what mode config gave.
type granted struct {
	settings sdk.NetConfig
	pfs      bool // quick mode is to have a key exchange of its own
}

// version is what we call ourselves; some gateways want to hear something.
const version = "Penstock"

// request asks for all that there is, and for the address that we had.
func (g granted) request(id uint16) ike1.Config {
	c := ike1.Config{Kind: ike1.ConfigRequest, ID: id}
	for _, kind := range []uint16{ike1.InternalIP4Address, ike1.InternalIP4Netmask, ike1.InternalIP4DNS, ike1.InternalIP4NBNS, ike1.ApplicationVersion, ike1.UnityBanner,
		ike1.UnitySavePassword, ike1.UnityDefaultDomain, ike1.UnitySplitDNS, ike1.UnitySplitInclude, ike1.UnityLocalLAN, ike1.UnityPFS} {
		a := ike1.Attribute{Type: kind}
		switch {
		case kind == ike1.ApplicationVersion:
			a.Value = []byte(version)
		case kind == ike1.InternalIP4Address && len(g.settings.Addresses) > 0:
			a.Value = g.settings.Addresses[0].Addr().AsSlice()
		}
		c.Attributes = append(c.Attributes, a)
	}
	return c
}

// Bounds of what a gateway may list.
const (
	maxBanner = 4096
	maxListed = 1024
)

// grantedOf reads a gateway's settings.
func grantedOf(c ike1.Config) (granted, error) {
	var g granted
	for _, a := range c.Attributes {
		if len(a.Value) == 0 {
			continue
		}
		if err := g.take(a); err != nil {
			return g, err
		}
	}
	if len(g.settings.Addresses) == 0 {
		return g, fmt.Errorf("the gateway gave no address")
	}
	return g, nil
}

func (g *granted) take(a ike1.Attribute) (err error) {
	n := &g.settings
	switch a.Type {
	case ike1.InternalIP4Address:
		ip, ok := netip.AddrFromSlice(a.Value)
		if !ok || !ip.Is4() || ip.IsUnspecified() || ip.IsLoopback() || ip.IsMulticast() {
			return fmt.Errorf("the gateway gave the address %x", a.Value)
		}
		if len(n.Addresses) == 0 {
			n.Addresses = append(n.Addresses, netip.PrefixFrom(ip, 32))
		}
	case ike1.InternalIP4DNS:
		return servers(&n.DNS, a.Value)
	case ike1.InternalIP4NBNS:
		return servers(&n.NBNS, a.Value)
	case ike1.UnitySplitInclude:
		return networks(&n.Routes, a.Value)
	case ike1.UnityLocalLAN:
		return networks(&n.Excludes, a.Value)
	case ike1.UnityDefaultDomain:
		n.Search = append(n.Search, domains(a.Value)...)
	case ike1.UnitySplitDNS:
		n.SplitDNS = append(n.SplitDNS, domains(a.Value)...)
	case ike1.UnityBanner:
		n.Banner = strings.ToValidUTF8(string(a.Value[:min(len(a.Value), maxBanner)]), "?")
	case ike1.UnityPFS:
		n, _ := a.Number()
		g.pfs = n != 0
	}
	return nil
}

// servers reads addresses: some gateways put several into one attribute.
func servers(to *[]netip.Addr, b []byte) error {
	if len(b)%4 != 0 || len(b) > 4*maxListed {
		return fmt.Errorf("the gateway gave the servers %x", b[:min(len(b), 16)])
	}
	for ; len(b) > 0; b = b[4:] {
		ip := netip.AddrFrom4([4]byte(b))
		if !ip.IsUnspecified() && !slices.Contains(*to, ip) && len(*to) < maxListed {
			*to = append(*to, ip)
		}
	}
	return nil
}

// entry is the size of one network: address, mask, protocol and ports. Protocols and ports
// are the gateway's to enforce, and some gateways leave them out of the only one.
const (
	entry      = 14
	shortEntry = 8
)

func networks(to *[]netip.Prefix, b []byte) error {
	if len(b)%entry != 0 && len(b) != shortEntry || len(b) > maxListed*entry {
		return fmt.Errorf("the gateway gave a list of networks of %d bytes", len(b))
	}
	for ; len(b) > 0; b = b[min(entry, len(b)):] {
		p := network(b)
		if !slices.Contains(*to, p) {
			*to = append(*to, p)
		}
	}
	return nil
}

// network reads an address and a mask.
func network(b []byte) netip.Prefix {
	bits := 0
	for bits < 32 && b[4+bits/8]&(0x80>>(bits%8)) != 0 {
		bits++
	}
	return netip.PrefixFrom(netip.AddrFrom4([4]byte(b)), bits).Masked()
}

// domains reads names between commas or spaces, and takes those that can be names.
func domains(b []byte) (names []string) {
	for _, name := range strings.FieldsFunc(string(b), func(r rune) bool { return r == ',' || r == ' ' || r == 0 }) {
		if name = strings.Trim(name, "."); plainName(name) && len(names) < maxListed {
			names = append(names, name)
		}
	}
	return names
}

const maxName = 253

func plainName(name string) bool {
	plain := func(r rune) bool {
		return r == '-' || r == '.' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	}
	return name != "" && len(name) <= maxName && strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0
}

// inside are the settings of the tunnel, whose routes are the gateway's networks, or else
// what quick mode agreed on.
func (g granted) inside(agreed netip.Prefix) sdk.NetConfig {
	n := g.settings
	if len(n.Routes) == 0 {
		n.Routes = []netip.Prefix{agreed}
	}
	return n
}
