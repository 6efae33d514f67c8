// Package config asks a gateway for the tunnel's settings and reads them: addresses,
// routes, name servers, lifetimes, and the keys of ESP. Each time it is asked the
// gateway makes new keys and forgets those before.
package config

import (
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/form"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
)

// Config is what a gateway grants.
type Config struct {
	NeedTunnel bool   // false: this computer is inside already
	TunnelPath string // where the tunnel over TLS is asked for

	Addresses        []netip.Prefix
	Routes, Excludes []netip.Prefix
	DNS, NBNS        []netip.Addr
	Search           []string
	MTU              int // 0: computed from the path

	Lifetime time.Duration // of the session; 0: unknown
	Idle     time.Duration // without packets that ends it; 0: none
	Rekey    time.Duration // after which settings and keys are asked for again; 0: never

	Probe4, Probe6 netip.Addr // answer to pings within ESP; invalid: none
	ESP            *ESP       // nil: over TLS alone
	NoESP          string     // why ESP is nil although the gateway said something about it
	Quarantined    bool

	Options [][2]string // what the gateway said, as far as it is a word, for scripts
}

// ESP is how the gateway wants packets over UDP. It holds keys.
type ESP struct {
	Port  int
	Suite string // in the host's names
	// Send is for packets to the gateway, Receive for those from it.
	Send, Receive SA
}

// SA is one direction.
type SA struct {
	SPI          uint32
	Key, AuthKey []byte
}

// Request is what settings are asked for with.
type Request struct {
	Session   gp.Session
	Identity  gp.Identity
	Addresses []netip.Addr // of the tunnel so far; nil: those of the login
	NoESP     bool
	CBC       bool // no suites with GCM
}

// Fields are the request's, those of the session's cookie among them.
func (r Request) Fields() form.Fields {
	cookie := r.Session.Cookie
	ip, ip6 := cookie.Get(gp.PreferredIP), cookie.Get(gp.PreferredIPv6)
	if len(r.Addresses) > 0 {
		ip, ip6 = "", ""
	}
	for _, a := range r.Addresses {
		if a.Is4() {
			ip = a.String()
		} else {
			ip6 = a.String()
		}
	}
	if r.Identity.NoIPv6 {
		ip6 = ""
	}
	f := form.Fields{{Name: "user", Value: cookie.Get(gp.UserName)}}.
		With("preferred-ip", ip).With("preferred-ipv6", ip6).
		With("portal", cookie.Get(gp.Portal)).With("authcookie", cookie.Get(gp.AuthCookie)).
		With("domain", cookie.Get(gp.Domain)).With("computer", cookie.Get(gp.Computer))
	return append(f, form.Fields{
		{Name: "client-type", Value: "1"}, {Name: "os-version", Value: r.Identity.OSVersion},
		{Name: "app-version", Value: r.Session.Version(r.Identity)}, {Name: "protocol-version", Value: "p1"},
		{Name: "clientos", Value: r.Identity.OS}, {Name: "internal", Value: "no"}, {Name: "ipv6-support", Value: r.Identity.IPv6()},
		{Name: "enc-algo", Value: r.ciphers()}, {Name: "hmac-algo", Value: "sha1,sha256,md5"},
	}...)
}

func (r Request) ciphers() string {
	if r.CBC {
		return "aes-128-cbc,aes-256-cbc"
	}
	return "aes-128-gcm,aes-256-gcm,aes-128-cbc,aes-256-cbc"
}
