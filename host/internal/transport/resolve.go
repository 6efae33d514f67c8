package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// shortLookup bounds a look-up that can do without an answer.
const shortLookup = 3 * time.Second

// addresses resolves host, families interleaved so that a dead one costs little.
// An address given as such is not looked up.
func (d *Dialer) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	last, known := d.lastKnown(host)
	patience := d.cfg.DialTimeout
	if known {
		patience = min(patience, shortLookup)
	}
	lookup, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	found, err := d.cfg.Resolver.LookupNetIP(lookup, "ip", host)
	switch {
	case err != nil && known && ctx.Err() == nil:
		return []netip.Addr{last}, nil
	case err != nil:
		return nil, resolveDiagnostic(host, err)
	case len(found) == 0:
		return nil, resolveDiagnostic(host, &net.DNSError{IsNotFound: true})
	}
	return interleave(found), nil
}

// interleave alternates between address families, the first one's first, and
// otherwise keeps the resolver's order (RFC 8305 section 4).
func interleave(in []netip.Addr) []netip.Addr {
	var first, second []netip.Addr
	for _, a := range in {
		a = a.Unmap()
		if a.Is4() == in[0].Unmap().Is4() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	out := make([]netip.Addr, 0, len(in))
	for i := 0; i < len(first) || i < len(second); i++ {
		if i < len(first) {
			out = append(out, first[i])
		}
		if i < len(second) {
			out = append(out, second[i])
		}
	}
	return out
}

func resolveDiagnostic(host string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	what := "the name servers gave no answer: check that this machine is online"
	var dns *net.DNSError
	if errors.As(err, &dns) {
		switch {
		case dns.IsNotFound:
			what = "no such name: check its spelling, and whether it is known in this network only"
		case !dns.IsTimeout && dns.Err != "":
			what = dns.Err
		}
	}
	return diag.New(diag.Unreachable, "cannot resolve "+host, what).With("gateway")
}
