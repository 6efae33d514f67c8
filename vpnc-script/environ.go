package vpncscript

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// reason is why the script runs.
type reason string

const (
	preInit          reason = "pre-init"
	connect          reason = "connect"
	attemptReconnect reason = "attempt-reconnect"
	reconnect        reason = "reconnect"
	disconnect       reason = "disconnect"
)

// maxServers is how many name servers OpenConnect passes of each kind.
const maxServers = 3

// environ collects NAME=value entries.
type environ []string

func (e *environ) set(name, value string) {
	if value != "" {
		*e = append(*e, name+"="+value)
	}
}

func (e *environ) number(name string, n int) { e.set(name, strconv.Itoa(n)) }

// environment is what OpenConnect 9.01 sets for the settings c, in a fixed order. It
// differs from it in that IPv6 routes have their host bits cleared too, and in that
// all values are safe to use in scripts that forget to quote. A variable that would
// be empty is not set.
func environment(r reason, c netcfg.Config, pid, logLevel int) []string {
	e := environ{}
	e.set("reason", string(r))
	e.set("VPNGATEWAY", address(c.Gateway))
	e.number("VPNPID", pid)
	e.number("LOG_LEVEL", logLevel)
	e.set("TUNDEV", c.Interface)
	if c.IdleTimeout >= time.Second {
		e.number("IDLE_TIMEOUT", int(c.IdleTimeout/time.Second))
	}
	e.addresses(c)
	e.set("INTERNAL_IP4_DNS", servers(c.DNS))
	e.set("INTERNAL_IP4_NBNS", servers(c.NBNS))
	e.set("CISCO_DEF_DOMAIN", strings.Join(domains(c.Search), " "))
	e.set("CISCO_SPLIT_DNS", strings.Join(backward(domains(c.SplitDNS)), ","))
	e.set("CISCO_BANNER", banner(c.Banner))
	e.set("CISCO_PROXY_PAC", pac(c.ProxyPAC))
	four, six := families(c)
	e.networks4("CISCO_SPLIT_INC", includes(c.Routes, four))
	e.networks4("CISCO_SPLIT_EXC", ofFamily(c.Excludes, true))
	e.networks6("CISCO_IPV6_SPLIT_INC", includes(c.Routes, six))
	e.networks6("CISCO_IPV6_SPLIT_EXC", ofFamily(c.Excludes, false))
	e.set("CISCO_CSTP_OPTIONS", words(c.ScriptOptions))
	return e
}

// families are the first address of each family; scripts know of one.
func families(c netcfg.Config) (four, six netip.Prefix) {
	for _, p := range c.Addresses {
		switch {
		case p.Addr().Is4() && !four.IsValid():
			four = p
		case p.Addr().Is6() && !six.IsValid():
			six = p
		}
	}
	return four, six
}

func (e *environ) addresses(c netcfg.Config) {
	four, six := families(c)
	if c.MTU > 0 {
		e.number("INTERNAL_IP4_MTU", c.MTU) // of the device: for IPv6 as well
	}
	if four.IsValid() {
		e.set("INTERNAL_IP4_ADDRESS", four.Addr().String())
		e.set("INTERNAL_IP4_NETADDR", four.Masked().Addr().String())
		e.set("INTERNAL_IP4_NETMASK", netmask(four.Bits()))
		e.number("INTERNAL_IP4_NETMASKLEN", four.Bits())
	}
	if six.IsValid() {
		e.set("INTERNAL_IP6_ADDRESS", six.Addr().String())
		e.set("INTERNAL_IP6_NETMASK", six.String()) // address and length, not a mask
	}
}

// includes are the routes of the family of own, the tunnel's address. All of a
// family is said by none at all. When nothing of a family goes inside, scripts would
// take that for all, so the tunnel's own network stands there.
func includes(routes []netip.Prefix, own netip.Prefix) []netip.Prefix {
	if !own.IsValid() {
		return nil
	}
	of := ofFamily(routes, own.Addr().Is4())
	if slices.ContainsFunc(of, func(p netip.Prefix) bool { return p.Bits() == 0 }) {
		return nil
	}
	if len(of) == 0 {
		return []netip.Prefix{own.Masked()}
	}
	return of
}

func ofFamily(in []netip.Prefix, four bool) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range in {
		if p.Addr().Is4() == four {
			out = append(out, p.Masked())
		}
	}
	return out
}

// networks4 and networks6 number the networks from the last to the first, as
// OpenConnect does.
func (e *environ) networks4(name string, networks []netip.Prefix) {
	for i, p := range backward(networks) {
		n := fmt.Sprintf("%s_%d_", name, i)
		e.set(n+"ADDR", p.Addr().String())
		e.set(n+"MASK", netmask(p.Bits()))
		e.number(n+"MASKLEN", p.Bits())
	}
	if len(networks) > 0 {
		e.number(name, len(networks))
	}
}

func (e *environ) networks6(name string, networks []netip.Prefix) {
	for i, p := range backward(networks) {
		n := fmt.Sprintf("%s_%d_", name, i)
		e.set(n+"ADDR", p.Addr().String())
		e.number(n+"MASKLEN", p.Bits())
	}
	if len(networks) > 0 {
		e.number(name, len(networks))
	}
}

func netmask(bits int) string { return net.IP(net.CIDRMask(bits, 32)).String() }

func address(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.Unmap().String()
}

func servers(in []netip.Addr) string {
	var out []string
	for _, a := range in[:min(len(in), maxServers)] {
		out = append(out, address(a))
	}
	return strings.Join(out, " ")
}

func backward[T any](in []T) []T {
	out := slices.Clone(in)
	slices.Reverse(out)
	return out
}
