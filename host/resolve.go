package host

import (
	"context"
	"net"
	"net/netip"
	"strings"

	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// overrides answer some names by what the user said, and the others as the system does.
type overrides map[string][]netip.Addr

var _ transport.Resolver = overrides(nil)

// parseOverrides reads HOST:IP,HOST:IP; nil where there is none. An address of IPv6
// may stand in brackets.
func parseOverrides(list string) (overrides, error) {
	o := overrides{}
	for entry := range strings.SplitSeq(list, ",") {
		if entry == "" {
			continue
		}
		name, text, _ := strings.Cut(entry, ":")
		addr, err := netip.ParseAddr(strings.Trim(text, "[]"))
		if name == "" || err != nil {
			return nil, diag.Newf(diag.Config, "%q does not say which address a name has: write HOST:ADDRESS", clip(entry)).With("resolve")
		}
		name = strings.ToLower(name)
		o[name] = append(o[name], addr)
	}
	if len(o) == 0 {
		return nil, nil
	}
	return o, nil
}

// LookupNetIP implements transport.Resolver.
func (o overrides) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	if known := o[strings.ToLower(host)]; known != nil {
		return known, nil
	}
	return net.DefaultResolver.LookupNetIP(ctx, network, host)
}
