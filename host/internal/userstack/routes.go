package userstack

import (
	"fmt"
	"net/netip"
)

// Refused says that an address is not to be reached through the tunnel, and why.
type Refused struct{ Why string }

func (r *Refused) Error() string { return r.Why }

// routes are what of the world is inside.
type routes struct {
	addresses []netip.Prefix // our own; the networks they are in are inside
	into      []netip.Prefix
	outside   []netip.Prefix
}

// check says why a is not inside; nil: it is. As with routes of the kernel's the longest
// prefix decides. What is not inside is refused: whoever asks the proxy for it believes
// that the tunnel protects it.
func (r routes) check(a netip.Addr) error {
	switch {
	case a.IsLoopback(), a.IsUnspecified(), a.IsMulticast(), a.IsLinkLocalUnicast(), a.Zone() != "":
		return &Refused{fmt.Sprintf("%s is no address that a tunnel leads to", a)}
	case !r.family(a):
		return &Refused{fmt.Sprintf("the gateway gave this tunnel no address for %s to be reached from", a)}
	}
	in, out := max(longest(r.into, a), longest(r.addresses, a)), longest(r.outside, a)
	switch {
	case in < 0:
		return &Refused{fmt.Sprintf("%s is not behind this gateway, which gave no route to it: reach it without the proxy", a)}
	case out >= in:
		return &Refused{fmt.Sprintf("the gateway keeps %s outside the tunnel: reach it without the proxy", a)}
	}
	return nil
}

func (r routes) family(a netip.Addr) bool {
	for _, own := range r.addresses {
		if own.Addr().Is4() == a.Is4() {
			return true
		}
	}
	return false
}

// longest is the length of the longest prefix with a in it; -1: there is none.
func longest(prefixes []netip.Prefix, a netip.Addr) int {
	most := -1
	for _, p := range prefixes {
		if p.Contains(a) {
			most = max(most, p.Bits())
		}
	}
	return most
}
