package transport

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// addresses resolves host, families interleaved so that a dead one costs little.
// An address given as such is not looked up.
func (d *Dialer) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.cfg.DialTimeout)
	defer cancel()
	found, err := d.cfg.Resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, resolveDiagnostic(host, err)
	}
	if len(found) == 0 {
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
