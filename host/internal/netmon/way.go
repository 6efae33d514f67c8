package netmon

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// way is how packets get to the gateway beside the tunnel. The zero way is none. Two
// that are equal are the same for a connection.
type way struct {
	link   int    // index of the outgoing device
	out    int    // the device of the route for the gateway alone; link when there is none
	hop    string // next hop, preferred source
	astray string // next hop of the route for the gateway alone, if it is of another network
	local  string // the device's addresses: a new one means that sockets must be too
}

func (w way) exists() bool { return w.link != 0 }

// observer finds the way. It remembers whether the gateway was ever reached by
// another route than one for it alone: such a route is then the one that a script or
// NetworkManager set to keep the gateway out of the tunnel. It proves nothing, but
// packets follow it: until it is set anew they leave by the device that it names.
type observer struct {
	tunnel  func() string
	gateway func() netip.Addr

	target    netip.Addr
	hadBetter bool
}

func (o *observer) look() way {
	target := netip.Addr{}
	if o.gateway != nil {
		target = o.gateway().Unmap().WithZone("")
	}
	if target != o.target {
		o.target, o.hadBetter = target, false
	}
	own := o.ownIndex()
	v := o.view(own)
	if v.found {
		o.hadBetter = true
	} else if o.hadBetter || !target.IsValid() {
		return way{}
	} else if v.best, v.found = lookup(target, own); !v.found {
		return way{}
	}
	best := v.best
	out := best.LinkIndex
	if v.pinned {
		out = v.pin.LinkIndex
	}
	return way{link: best.LinkIndex, out: out, hop: hop(best), astray: v.astray(), local: addresses(best.LinkIndex, best.Family)}
}

func (o *observer) ownIndex() int {
	if o.tunnel == nil || o.tunnel() == "" {
		return 0
	}
	i, err := net.InterfaceByName(o.tunnel())
	if err != nil {
		return 0
	}
	return i.Index
}

// view is what the main table has for the gateway, the tunnel's routes left out.
type view struct {
	best   netlink.Route // as the kernel would choose: the longest prefix, then the least metric
	found  bool
	pin    netlink.Route // the route for the gateway alone
	pinned bool
	hops   []string // where the others lead
}

func (o *observer) view(own int) (v view) {
	families := []int{unix.AF_INET, unix.AF_INET6}
	if o.target.IsValid() {
		families = []int{familyOf(o.target)}
	}
	for _, family := range families {
		for _, r := range mainTable(family) {
			for _, r := range eachHop(r) {
				r.Family = family
				if r.LinkIndex != own {
					o.sort(r, &v)
				}
			}
		}
		if v.found {
			break
		}
	}
	return v
}

func (o *observer) sort(r netlink.Route, v *view) {
	switch {
	case o.pins(r) && !v.pinned:
		v.pin, v.pinned = r, true // the kernel lists the routes to one network by their metric
	case o.leads(r):
		v.hops = append(v.hops, next(r))
		if !v.found || better(r, v.best) {
			v.best, v.found = r, true
		}
	}
}

// astray is the next hop of the route for the gateway alone where no other route to
// the gateway goes: of a network that the machine has left. NetworkManager keeps such
// a route while the device stays the same.
func (v view) astray() string {
	if !v.pinned || !v.found || slices.Contains(v.hops, next(v.pin)) {
		return ""
	}
	return next(v.pin)
}

func next(r netlink.Route) string { return fmt.Sprint(r.LinkIndex, " ", r.Gw, " ", r.Via) }

// mainTable lists the routes; a list that changed while it was read is read again.
func mainTable(family int) (routes []netlink.Route) {
	for range 3 {
		var err error
		routes, err = netlink.RouteListFiltered(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE)
		if !errors.Is(err, netlink.ErrDumpInterrupted) {
			break
		}
	}
	return routes
}

// eachHop takes a route over several hops apart, in their order.
func eachHop(r netlink.Route) []netlink.Route {
	if len(r.MultiPath) == 0 {
		return []netlink.Route{r}
	}
	var all []netlink.Route
	for _, hop := range r.MultiPath {
		r.LinkIndex, r.Gw, r.Via, r.Flags = hop.LinkIndex, hop.Gw, hop.Via, hop.Flags
		all = append(all, r)
	}
	return all
}

// leads says whether r leads to the gateway, not for it alone, over a link that is up.
func (o *observer) leads(r netlink.Route) bool {
	if r.Type != unix.RTN_UNICAST || r.LinkIndex == 0 || r.Flags&(unix.RTNH_F_DEAD|unix.RTNH_F_LINKDOWN) != 0 {
		return false
	}
	if !o.target.IsValid() {
		return bits(r) == 0
	}
	return bits(r) < o.target.BitLen() && (r.Dst == nil || r.Dst.Contains(o.target.AsSlice()))
}

// pins says whether r is for the gateway alone. The kernel sends packets there even
// while the link has no carrier.
func (o *observer) pins(r netlink.Route) bool {
	return r.Type == unix.RTN_UNICAST && r.Flags&unix.RTNH_F_DEAD == 0 && o.target.IsValid() &&
		bits(r) == o.target.BitLen() && r.Dst.Contains(o.target.AsSlice())
}

func bits(r netlink.Route) int {
	if r.Dst == nil {
		return 0
	}
	ones, _ := r.Dst.Mask.Size()
	return ones
}

func better(a, b netlink.Route) bool {
	if bits(a) != bits(b) {
		return bits(a) > bits(b)
	}
	return a.Priority < b.Priority
}

// lookup asks the kernel, which knows other tables and rules.
func lookup(target netip.Addr, own int) (netlink.Route, bool) {
	routes, err := netlink.RouteGet(target.AsSlice())
	if err != nil || len(routes) == 0 || routes[0].LinkIndex == own || routes[0].LinkIndex == 0 {
		return netlink.Route{}, false
	}
	routes[0].Family = familyOf(target)
	return routes[0], true
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

func hop(r netlink.Route) string {
	return fmt.Sprint(r.Family, " ", r.Gw, " ", r.Via, " ", r.Src)
}

// addresses are those of the device in the family, the kernel's own of the link left
// out, in an order of their own.
func addresses(link, family int) string {
	device, err := netlink.LinkByIndex(link)
	if err != nil {
		return ""
	}
	list, err := netlink.AddrList(device, family)
	if err != nil {
		return ""
	}
	var out []string
	for _, a := range list {
		if !a.IP.IsLinkLocalUnicast() && a.Flags&(unix.IFA_F_TENTATIVE|unix.IFA_F_DEPRECATED) == 0 {
			out = append(out, a.IP.String())
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
