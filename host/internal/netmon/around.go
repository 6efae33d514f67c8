package netmon

import (
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Around says how a socket gets to the gateway without going through tunnel, our own
// device: "" when the kernel sends it another way by itself, else the device that it
// must be bound to. That is so while the route that keeps the gateway out of the
// tunnel is missing: NetworkManager sets it late after its base device was down, and
// knows nothing of the address that a gateway's name has moved to.
func Around(tunnel string, gateway netip.Addr) (device string, err error) {
	o := &observer{tunnel: func() string { return tunnel }, target: gateway.Unmap().WithZone("")}
	own := o.ownIndex()
	if own == 0 || !leadsInto(own, o.target) {
		return "", nil
	}
	best, found, _ := o.choose(own)
	if found {
		var out *net.Interface
		if out, err = net.InterfaceByIndex(best.LinkIndex); err == nil {
			return out.Name, nil
		}
	}
	return "", diag.New(diag.Unreachable, "there is no way to the gateway outside the tunnel",
		"the routes to "+gateway.String()+" lead into "+tunnel+" alone: check that this machine is online")
}

// leadsInto asks the kernel.
func leadsInto(link int, target netip.Addr) bool {
	routes, err := netlink.RouteGet(target.AsSlice())
	return err == nil && len(routes) > 0 && routes[0].LinkIndex == link
}
