package config

import (
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/xmldoc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Bounds of what a gateway may grant.
const (
	maxRoutes   = 4096
	maxServers  = 16
	maxSuffixes = 256
	maxOptions  = 64
	longest     = 366 * 24 * time.Hour
)

// TunnelPath is where a tunnel over TLS is asked for, on all gateways seen.
const TunnelPath = "/ssl-tunnel-connect.sslvpn"

// Parse reads the gateway's answer. noIPv6 leaves out what is about IPv6.
func Parse(root *xmldoc.Element, noIPv6 bool) (Config, error) {
	if root == nil || root.Name != "response" {
		return Config{}, wrong("they are something else")
	}
	p := parser{root: root, noIPv6: noIPv6}
	c := Config{
		NeedTunnel: !strings.EqualFold(root.Value("need-tunnel"), "no"),
		TunnelPath: tunnelPath(root.Value("ssl-tunnel-url")),
		MTU:        p.number("mtu", 65535),
		Lifetime:   p.seconds("lifetime"), Idle: p.seconds("disconnect-on-idle"), Rekey: p.seconds("timeout"),
		Quarantined: !strings.EqualFold(root.Value("quarantine"), "no") && root.Value("quarantine") != "",
	}
	if !c.NeedTunnel {
		return c, p.err
	}
	c.Addresses = p.addresses()
	c.Routes, c.Excludes = p.routes("access-routes"), p.routes("exclude-access-routes")
	if len(c.Routes) == 0 {
		c.Routes = everything(c.Addresses)
	}
	c.DNS, c.NBNS = p.servers("dns", "dns-v6"), p.servers("wins")
	c.Search = p.suffixes()
	c.Probe4, c.Probe6 = p.address("gw-address", false), p.address("gw-address-v6", true)
	c.Options = p.options()
	if e := root.Find("ipsec"); e != nil {
		esp, err := parseESP(e)
		if err != nil {
			c.NoESP = err.Error()
		} else {
			c.ESP = esp
		}
	}
	return c, p.err
}

// parser keeps the first error.
type parser struct {
	root   *xmldoc.Element
	noIPv6 bool
	err    error
}

func wrong(what string) error {
	return diag.New(diag.Protocol, "the gateway's settings are not understood: "+what, "Ask its administrator; see --dump-http.")
}

func (p *parser) fail(name, value string) {
	if p.err == nil {
		p.err = wrong(name + " is " + strconv.QuoteToASCII(clip(value)))
	}
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// number reads a number that may be missing, or larger than it can mean.
func (p *parser) number(name string, most int) int {
	text := p.root.Value(name)
	if text == "" {
		return 0
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		p.fail(name, text)
		return 0
	}
	return int(min(n, uint64(most)))
}

func (p *parser) seconds(name string) time.Duration {
	return time.Duration(p.number(name, int(longest/time.Second))) * time.Second
}

// addresses are the computer's own; at least one there must be.
func (p *parser) addresses() []netip.Prefix {
	var all []netip.Prefix
	if text := p.root.Value("ip-address"); text != "" && text != "0.0.0.0" {
		a, err := netip.ParseAddr(text)
		bits, ok := mask(p.root.Value("netmask"))
		if err != nil || !a.Is4() || !ok {
			p.fail("ip-address", text+" "+p.root.Value("netmask"))
		} else {
			all = append(all, netip.PrefixFrom(a, bits))
		}
	}
	if text := p.root.Value("ip-address-v6"); text != "" && !p.noIPv6 {
		prefix, err := addressOrPrefix(text)
		if err != nil || !prefix.Addr().Is6() {
			p.fail("ip-address-v6", text)
		} else if !prefix.Addr().IsUnspecified() {
			all = append(all, prefix)
		}
	}
	if len(all) == 0 && p.err == nil {
		p.err = wrong("they hold no address for this computer")
	}
	return all
}

// mask is the length of a network mask; a missing one is that of a single host.
func mask(text string) (int, bool) {
	if text == "" {
		return 32, true
	}
	a, err := netip.ParseAddr(text)
	if err != nil || !a.Is4() {
		return 0, false
	}
	b := a.As4()
	bits := 0
	for bits < 32 && b[bits/8]&(0x80>>(bits%8)) != 0 {
		bits++
	}
	whole := netip.PrefixFrom(netip.AddrFrom4([4]byte{255, 255, 255, 255}), bits).Masked().Addr()
	return bits, whole == a
}

func addressOrPrefix(text string) (netip.Prefix, error) {
	if strings.Contains(text, "/") {
		return netip.ParsePrefix(text)
	}
	a, err := netip.ParseAddr(text)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, strconv.ErrSyntax
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// routes reads the members of name and of its twin for IPv6.
func (p *parser) routes(name string) []netip.Prefix {
	var all []netip.Prefix
	for _, list := range []string{name, name + "-v6"} {
		for _, m := range p.root.Find(list).All("member") {
			prefix, err := addressOrPrefix(m.Text)
			if err != nil || len(all) == maxRoutes {
				p.fail(list, m.Text)
				return nil
			}
			if prefix.Addr().Is4() || !p.noIPv6 {
				all = append(all, prefix.Masked())
			}
		}
	}
	return all
}

// everything is all that computers with these addresses can reach.
func everything(addresses []netip.Prefix) []netip.Prefix {
	var all []netip.Prefix
	for _, a := range addresses {
		if a.Addr().Is4() {
			all = append(all, netip.PrefixFrom(netip.IPv4Unspecified(), 0))
		} else {
			all = append(all, netip.PrefixFrom(netip.IPv6Unspecified(), 0))
		}
	}
	return all
}

// servers reads addresses, each once: gateways repeat those of IPv6 in both lists.
func (p *parser) servers(names ...string) []netip.Addr {
	var all []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, name := range names {
		for _, m := range p.root.Find(name).All("member") {
			a, err := netip.ParseAddr(m.Text)
			if err != nil || a.Zone() != "" {
				p.fail(name, m.Text)
				return nil
			}
			if a.IsUnspecified() || seen[a] || len(all) == maxServers || a.Is6() && p.noIPv6 {
				continue
			}
			seen[a] = true
			all = append(all, a)
		}
	}
	return all
}

func (p *parser) suffixes() []string {
	var all []string
	for _, m := range p.root.Find("dns-suffix").All("member") {
		name := strings.Trim(m.Text, ".")
		if name != "" && len(name) < 254 && len(all) < maxSuffixes && !strings.ContainsAny(name, " \t\r\n/,;\"'`$\\") {
			all = append(all, name)
		}
	}
	return all
}

// address is one that only ESP needs: without it there is none.
func (p *parser) address(name string, six bool) netip.Addr {
	a, err := netip.ParseAddr(p.root.Value(name))
	if err != nil || a.Is6() != six || a.IsUnspecified() || a.Zone() != "" || six && p.noIPv6 {
		return netip.Addr{}
	}
	return a
}

func (p *parser) options() [][2]string {
	var all [][2]string
	for _, e := range p.root.Children {
		if len(e.Children) == 0 && e.Text != "" && len(e.Text) <= 256 && len(all) < maxOptions {
			all = append(all, [2]string{e.Name, e.Text})
		}
	}
	return all
}

func tunnelPath(text string) string {
	if !strings.HasPrefix(text, "/") || len(text) > 256 || strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '?' || r == '#' }) {
		return TunnelPath
	}
	return text
}
