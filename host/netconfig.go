package host

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// Bounds of what a plugin may configure; a gateway that needs more is no gateway.
const (
	maxRoutes  = 4096
	maxNames   = 256
	maxBanner  = 16 << 10
	maxOptions = 256
	minMTU     = 576 // RFC 791: every host takes this much
	maxMTU     = 65535
)

// parseNetConfig checks every value of a plugin's NetConfig. Interface and gateway
// are the caller's to fill in.
func parseNetConfig(m *pluginpb.NetConfig) (netcfg.Config, error) {
	c := netcfg.Config{
		MTU:         int(m.Mtu),
		Banner:      m.Banner,
		ProxyPAC:    m.ProxyPac,
		IdleTimeout: time.Duration(m.IdleTimeoutS) * time.Second,
	}
	if m.ExpiresUnix > 0 {
		c.Expires = time.Unix(m.ExpiresUnix, 0)
	}
	p := parser{}
	c.Addresses = parseList(&p, "addresses", m.Addresses, 16, parseAddress)
	c.Routes = parseList(&p, "routes", m.Routes, maxRoutes, parseRoute)
	c.Excludes = parseList(&p, "excludes", m.Excludes, maxRoutes, parseRoute)
	c.DNS = parseList(&p, "dns", m.Dns, 16, netip.ParseAddr)
	c.NBNS = parseList(&p, "nbns", m.Nbns, 16, netip.ParseAddr)
	c.Search = parseList(&p, "search", m.Search, maxNames, parseDomain)
	c.SplitDNS = parseList(&p, "split_dns", m.SplitDns, maxNames, parseDomain)
	c.ScriptOptions = parseList(&p, "script_options", m.ScriptOptions, maxOptions, parsePair)
	p.check(len(c.Addresses) > 0 || p.err != nil, "addresses", "none was given")
	p.check(m.Mtu == 0 || m.Mtu >= minMTU && m.Mtu <= maxMTU, "mtu", fmt.Sprintf("%d is not %d to %d", m.Mtu, minMTU, maxMTU))
	p.check(len(m.Banner) <= maxBanner, "banner", fmt.Sprintf("%d bytes, at most %d are allowed", len(m.Banner), maxBanner))
	p.check(m.ProxyPac == "" || netcfg.PAC(m.ProxyPac), "proxy_pac", "not a plain http or https URL")
	return c, p.err
}

// parser keeps the first error.
type parser struct{ err error }

func (p *parser) check(ok bool, field, problem string) {
	if !ok && p.err == nil {
		p.err = diag.New(diag.Protocol, fmt.Sprintf("the network settings are unusable: %s: %s", field, problem),
			"The gateway or the plugin sent a wrong value; nothing was changed on this machine.")
	}
}

func parseList[S, T any](p *parser, field string, in []S, bound int, parse func(S) (T, error)) []T {
	p.check(len(in) <= bound, field, fmt.Sprintf("%d entries, at most %d are allowed", len(in), bound))
	if p.err != nil || len(in) == 0 {
		return nil
	}
	out := make([]T, 0, len(in))
	for _, s := range in {
		v, err := parse(s)
		if err != nil {
			p.check(false, field, err.Error())
			return nil
		}
		out = append(out, v)
	}
	return out
}

// parseAddress takes a host address with its prefix length.
func parseAddress(s string) (netip.Prefix, error) {
	a, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return a, fmt.Errorf("%q is no address with a prefix length", clip(s))
	case a.Addr().IsUnspecified() || a.Addr().IsMulticast() || a.Addr().IsLoopback() || a.Addr().Is4In6():
		return a, fmt.Errorf("%v cannot be the address of a tunnel", a)
	}
	return a, nil
}

func parseRoute(s string) (netip.Prefix, error) {
	r, err := netip.ParsePrefix(s)
	if err != nil || r.Addr().Is4In6() {
		return r, fmt.Errorf("%q is no prefix", clip(s))
	}
	return r.Masked(), nil
}

func parseDomain(s string) (string, error) {
	name, ok := netcfg.Domain(s)
	if !ok {
		return "", fmt.Errorf("%q is no domain name", clip(s))
	}
	return name, nil
}

func parsePair(m *pluginpb.Pair) (netcfg.Pair, error) {
	if len(m.GetKey())+len(m.GetValue()) > 2048 || strings.ContainsFunc(m.GetKey()+m.GetValue(), func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return netcfg.Pair{}, fmt.Errorf("%q has control characters or is too long", clip(m.GetKey()))
	}
	return netcfg.Pair{Key: m.GetKey(), Value: m.GetValue()}, nil
}

// clip keeps a hostile value from filling a message.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}
