package cstp

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
	"unicode"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Bounds of what is taken from an answer.
const (
	minMTU     = 576
	maxMTU     = 65535
	maxRoutes  = 2048
	maxServers = 16  // name servers of a kind; more are never asked
	maxNames   = 256 // domains
	maxOptions = 256 // fields shown to scripts
	maxOption  = 2000
	maxBanner  = 16 << 10
)

// reader collects the fields of an answer; netmasks come after their addresses.
type reader struct {
	c        Config
	v4, v6   netip.Addr
	mask4    string
	prefix6  string // X-CSTP-Netmask of IPv6, or X-CSTP-Address-IP6
	mask4In  string // name of the field, for errors
	prefixIn string
}

// ParseReply reads the fields of a granted CONNECT.
func ParseReply(h httpc.Header) (Config, error) {
	r := &reader{}
	for _, f := range h {
		name := strings.ToLower(f.Name)
		if !strings.HasPrefix(name, "x-cstp-") && !strings.HasPrefix(name, "x-dtls-") && !strings.HasPrefix(name, "x-dtls12-") {
			continue
		}
		r.note(f)
		take, known := cstpFields[name]
		if !known {
			take, known = dtlsFields[name]
		}
		if !known {
			continue
		}
		if err := take(r, f.Name, f.Value); err != nil {
			return Config{}, err
		}
	}
	return r.finish()
}

// note keeps a field for scripts, unless it holds a secret.
func (r *reader) note(f httpc.Field) {
	secret := strings.EqualFold(f.Name, "x-cstp-post-auth-xml") || strings.EqualFold(f.Name, "x-dtls-master-secret")
	control := strings.ContainsFunc(f.Name+f.Value, unicode.IsControl)
	if !secret && !control && len(f.Name)+len(f.Value) <= maxOption && len(r.c.Options) < maxOptions {
		r.c.Options = append(r.c.Options, [2]string{f.Name, f.Value})
	}
}

type taker func(r *reader, name, value string) error

var cstpFields = map[string]taker{
	"x-cstp-address":                   (*reader).address,
	"x-cstp-netmask":                   (*reader).netmask,
	"x-cstp-address-ip6":               (*reader).address6,
	"x-cstp-mtu":                       func(r *reader, n, v string) error { return takeMTU(&r.c.MTU, n, v) },
	"x-cstp-split-include":             func(r *reader, n, v string) error { return takePrefix(&r.c.Includes, n, v) },
	"x-cstp-split-include-ip6":         func(r *reader, n, v string) error { return takePrefix(&r.c.Includes, n, v) },
	"x-cstp-split-exclude":             func(r *reader, n, v string) error { return takePrefix(&r.c.Excludes, n, v) },
	"x-cstp-split-exclude-ip6":         func(r *reader, n, v string) error { return takePrefix(&r.c.Excludes, n, v) },
	"x-cstp-dns":                       func(r *reader, n, v string) error { return takeAddr(&r.c.DNS, n, v) },
	"x-cstp-dns-ip6":                   func(r *reader, n, v string) error { return takeAddr(&r.c.DNS, n, v) },
	"x-cstp-nbns":                      func(r *reader, n, v string) error { return takeAddr(&r.c.NBNS, n, v) },
	"x-cstp-default-domain":            func(r *reader, n, v string) error { return takeNames(&r.c.Search, n, v) },
	"x-cstp-split-dns":                 func(r *reader, n, v string) error { return takeNames(&r.c.SplitDNS, n, v) },
	"x-cstp-tunnel-all-dns":            func(r *reader, _, v string) error { r.c.TunnelAllDNS = strings.EqualFold(v, "true"); return nil },
	"x-cstp-msie-proxy-pac-url":        func(r *reader, _, v string) error { r.c.ProxyPAC = webAddress(v); return nil },
	"x-cstp-banner":                    func(r *reader, _, v string) error { r.c.Banner = unescape(v); return nil },
	"x-cstp-post-auth-xml":             func(r *reader, _, v string) error { r.c.PostAuthXML = v; return nil },
	"x-cstp-lease-duration":            (*reader).lifetime,
	"x-cstp-session-timeout":           (*reader).lifetime,
	"x-cstp-session-timeout-remaining": (*reader).lifetime,
	"x-cstp-idle-timeout":              func(r *reader, n, v string) error { return takeSeconds(&r.c.IdleTimeout, n, v) },
	"x-cstp-keepalive":                 func(r *reader, n, v string) error { return takeSeconds(&r.c.Timers.Keepalive, n, v) },
	"x-cstp-dpd":                       func(r *reader, n, v string) error { return takeSeconds(&r.c.Timers.DPD, n, v) },
	"x-cstp-rekey-time":                func(r *reader, n, v string) error { return takeSeconds(&r.c.Timers.RekeyEvery, n, v) },
	"x-cstp-rekey-method":              func(r *reader, _, v string) error { r.c.Timers.NoRekey = noRekey(v); return nil },
	"x-cstp-content-encoding":          compression,
}

var dtlsFields = map[string]taker{
	"x-dtls-port":               (*reader).port,
	"x-dtls-mtu":                func(r *reader, n, v string) error { return takeMTU(&r.c.DTLS.MTU, n, v) },
	"x-dtls-session-id":         (*reader).sessionID,
	"x-dtls-app-id":             (*reader).appID,
	"x-dtls-ciphersuite":        func(r *reader, _, v string) error { return r.suite(v, false) },
	"x-dtls12-ciphersuite":      func(r *reader, _, v string) error { return r.suite(v, true) },
	"x-dtls-keepalive":          func(r *reader, n, v string) error { return takeSeconds(&r.c.DTLS.Timers.Keepalive, n, v) },
	"x-dtls-dpd":                func(r *reader, n, v string) error { return takeSeconds(&r.c.DTLS.Timers.DPD, n, v) },
	"x-dtls-rekey-time":         func(r *reader, n, v string) error { return takeSeconds(&r.c.DTLS.Timers.RekeyEvery, n, v) },
	"x-dtls-rekey-method":       func(r *reader, _, v string) error { r.c.DTLS.Timers.NoRekey = noRekey(v); return nil },
	"x-dtls-content-encoding":   compression,
	"x-dtls12-content-encoding": compression,
}

// noRekey: "ssl" would renegotiate within the connection; it is answered with a new
// tunnel like "new-tunnel", which every gateway allows.
func noRekey(method string) bool { return strings.EqualFold(method, "none") }

// compression was not offered, so a gateway cannot choose it.
func compression(_ *reader, name, value string) error {
	if value == "" || strings.EqualFold(value, "identity") {
		return nil
	}
	return headerError(name, "chooses the compression %q, which was not offered", value)
}

func (r *reader) lifetime(name, value string) error {
	var d time.Duration
	if err := takeSeconds(&d, name, value); err != nil {
		return err
	}
	if d > 0 && (r.c.Lifetime == 0 || d < r.c.Lifetime) {
		r.c.Lifetime = d
	}
	return nil
}

// finish joins addresses with their masks and checks what must be there.
func (r *reader) finish() (Config, error) {
	if err := r.joinAddresses(); err != nil {
		return Config{}, err
	}
	if len(r.c.Addresses) == 0 {
		return Config{}, diag.New(diag.Protocol, "the gateway grants a tunnel without an address (no X-CSTP-Address)", "Its address pool may be exhausted; ask its administrator.")
	}
	if r.c.MTU == 0 && r.c.DTLS.MTU == 0 {
		return Config{}, headerError("X-CSTP-MTU", "is missing")
	}
	if n := max(len(r.c.Includes), len(r.c.Excludes)); n > maxRoutes {
		return Config{}, diag.New(diag.Protocol, fmt.Sprintf("the gateway sends %d routes", n), fmt.Sprintf("At most %d are accepted.", maxRoutes))
	}
	r.c.Excludes = withoutLocalLAN(r.c.Excludes)
	return r.c, nil
}

// withoutLocalLAN drops 0.0.0.0/32, by which a gateway means the network that this
// computer is attached to; its routes are more specific than the tunnel's anyway.
func withoutLocalLAN(excludes []netip.Prefix) []netip.Prefix {
	var kept []netip.Prefix
	for _, p := range excludes {
		if !(p.IsSingleIP() && p.Addr().IsUnspecified()) {
			kept = append(kept, p)
		}
	}
	return kept
}
