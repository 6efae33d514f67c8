package netmon

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Detour is how a socket gets to the gateway in spite of the routes that there are.
type Detour struct {
	// Device is what the socket must be bound to, because the kernel would send it into
	// the tunnel: the route that keeps the gateway out is missing. NetworkManager sets
	// it late after its base device was down, and knows nothing of the address that a
	// gateway's name has moved to. "": none.
	Device string
	// Astray: the route that keeps the gateway out is left from another network, or bars
	// the way. Whoever set it should take it away.
	Astray bool
}

// Around finds the way around tunnel, our own device.
func Around(tunnel string, gateway netip.Addr) (Detour, error) {
	o := &observer{tunnel: func() string { return tunnel }, target: gateway.Unmap().WithZone("")}
	own := o.ownIndex()
	if own == 0 {
		return Detour{}, nil
	}
	v := o.view(own)
	into, err := leadsInto(own, o.target)
	if err != nil {
		return Detour{Astray: true}, nil
	}
	if !into {
		return Detour{Astray: v.astray() != ""}, nil
	}
	if v.found {
		if out, err := net.InterfaceByIndex(v.best.LinkIndex); err == nil {
			return Detour{Device: out.Name}, nil
		}
	}
	return Detour{}, diag.New(diag.Unreachable, "there is no way to the gateway outside the tunnel",
		"the routes to "+gateway.String()+" lead into "+tunnel+" alone: check that this machine is online")
}

// leadsInto asks the kernel; an error says that it knows no way.
func leadsInto(link int, target netip.Addr) (bool, error) {
	routes, err := netlink.RouteGet(target.AsSlice())
	return err == nil && len(routes) > 0 && routes[0].LinkIndex == link, err
}
