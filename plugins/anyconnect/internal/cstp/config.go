package cstp

import (
	"net/netip"
	"time"
)

// Config is the tunnel that the gateway grants.
type Config struct {
	Addresses    []netip.Prefix // at most one of each family
	MTU          int            // inside the tunnel over TLS, X-CSTP-MTU; 0: not told
	Includes     []netip.Prefix // as sent; none of a family: all of it
	Excludes     []netip.Prefix
	DNS, NBNS    []netip.Addr
	Search       []string
	SplitDNS     []string
	TunnelAllDNS bool
	ProxyPAC     string
	Banner       string
	PostAuthXML  string
	Lifetime     time.Duration // the least of the session's limits; 0: none
	IdleTimeout  time.Duration
	Timers       Timers
	DTLS         DTLS
	Options      [][2]string // the answer's X-CSTP and X-DTLS fields without secrets
}

// Timers of one transport; 0 is off.
type Timers struct {
	Keepalive, DPD time.Duration
	RekeyEvery     time.Duration
	NoRekey        bool // the method says so, whatever the time
}

// DTLS is how the gateway wants DTLS done. The zero value: not at all.
type DTLS struct {
	Port      int
	MTU       int    // inside the tunnel over DTLS; 0: not told
	SessionID []byte // 32 bytes, for a resumption
	AppID     []byte // for a handshake with a key
	PSK       bool
	Suite     Suite // of a resumption
	Timers    Timers
}

// Usable says whether there is enough to try.
func (d DTLS) Usable() bool {
	return d.Port != 0 && (d.PSK || d.Suite.IANA != "" && len(d.SessionID) == sessionIDSize)
}

// InnerMTU is the largest packet inside the tunnel: over DTLS, or over TLS alone.
func (c Config) InnerMTU(dtls bool) int {
	if dtls && c.DTLS.MTU != 0 {
		return c.DTLS.MTU
	}
	if c.MTU == 0 {
		return c.DTLS.MTU
	}
	return c.MTU
}

// Routes are the networks inside the tunnel: what is included, or everything in a
// family that has an address and no include.
func (c Config) Routes() []netip.Prefix {
	var routes []netip.Prefix
	for _, own := range c.Addresses {
		before := len(routes)
		for _, p := range c.Includes {
			if p.Addr().Is4() == own.Addr().Is4() {
				routes = append(routes, p)
			}
		}
		if len(routes) == before {
			routes = append(routes, netip.PrefixFrom(unspecified(own.Addr()), 0))
		}
	}
	return routes
}

func unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}
