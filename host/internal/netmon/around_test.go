package netmon

import (
	"net/netip"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

var gateways = []string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"}

// around wants the same for all gateways.
func around(t *testing.T, want Detour) {
	t.Helper()
	for _, g := range gateways {
		if got, err := Around("tun0", netip.MustParseAddr(g)); err != nil || got != want {
			t.Errorf("around to %s: %+v, %v, want %+v", g, got, err, want)
		}
	}
}

// The gateway's own route comes and goes under a tunnel that takes everything.
func TestAroundTheTunnel(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	none, eth0 := Detour{}, Detour{Device: "eth0"}
	ip(t, nmBase...)
	around(t, none)
	ip(t, nmTunnel...)
	around(t, eth0)
	ip(t, nmPin...)
	around(t, none)
	if got, err := Around("tun0", netip.MustParseAddr("192.0.2.99")); err != nil || got != eth0 {
		t.Errorf("a name that has moved: %+v, %v", got, err)
	}
	ip(t, "route del 192.0.2.1", "route del 2001:db8::1", "route add 0.0.0.0/1 dev tun0", "route add 128.0.0.0/1 dev tun0", "route add ::/1 dev tun0", "route add 2001:db8::/32 dev tun0")
	around(t, eth0)
	ip(t, "link set eth0 down")
	for _, g := range gateways {
		if got, err := Around("tun0", netip.MustParseAddr(g)); diag.Of(err).Code != diag.Unreachable {
			t.Errorf("without a base, around to %s: %+v, %v", g, got, err)
		}
	}
	ip(t, baseUp...)
	around(t, eth0)
	ip(t, "link del tun0")
	around(t, none)
}

var nmElsewhere = []string{
	"link set eth0 down", "addr flush dev eth0", "link set eth0 up", "addr add 10.3.0.2/24 dev eth0", "addr add fd03::2/64 dev eth0 nodad",
	"route add default via 10.3.0.1 dev eth0 proto static metric 100", "route add ::/0 via fd03::1 dev eth0 proto static metric 100",
}

// The device comes into another network, and NetworkManager keeps the route by the
// former's router. That it goes is a change of the way as well.
func TestRouteOfAnotherNetwork(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ip(t, nmBase...)
	ip(t, append(nmTunnel, nmPin...)...)
	var seen []*observer
	for _, g := range gateways {
		seen = append(seen, &observer{tunnel: tun0, gateway: gateway(g)})
	}
	look := func() (all []way) {
		for _, o := range seen {
			all = append(all, o.look())
		}
		return all
	}
	home := look()
	around(t, Detour{})
	ip(t, "route add 192.0.2.0/24 nexthop via 10.1.0.9 nexthop via 10.1.0.1") // one of several ways is one
	around(t, Detour{})
	ip(t, "route del 192.0.2.0/24")
	ip(t, nmElsewhere...)
	ip(t, "route replace 10.1.0.1 dev eth0 proto static metric 50", "route replace 192.0.2.1 via 10.1.0.1 dev eth0 proto static metric 50",
		"route replace fd01::1 dev eth0 proto static metric 50", "route replace 2001:db8::1 via fd01::1 dev eth0 proto static metric 50")
	left := look()
	around(t, Detour{Astray: true})
	ip(t, "route del 192.0.2.1", "route del 2001:db8::1")
	gone := look()
	around(t, Detour{Device: "eth0"})
	ip(t, "route add 192.0.2.1 via 10.3.0.1 dev eth0 proto static metric 50", "route add 2001:db8::1 via fd03::1 dev eth0 proto static metric 50")
	around(t, Detour{})
	for i, now := range look() {
		if home[i] == left[i] || left[i] == gone[i] || gone[i] != now {
			t.Errorf("to %s: home %+v, left %+v, without the route %+v, with another %+v", gateways[i], home[i], left[i], gone[i], now)
		}
	}
	ip(t, "route del 192.0.2.1", "route del 2001:db8::1", "route add unreachable 192.0.2.1", "route add unreachable 2001:db8::1")
	around(t, Detour{Astray: true})
}
