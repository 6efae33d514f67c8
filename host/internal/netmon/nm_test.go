package netmon

import "testing"

// What NetworkManager sets for a VPN that takes everything, and what it changes of
// its own accord: routes of metric 50, one to the gateway and one to the next hop
// among them.
var (
	nmBase = []string{
		"route del default via 10.1.0.1", "route del default via fd01::1 dev eth0", "route add default via 10.1.0.1 dev eth0 proto static metric 100",
		"route add ::/0 via fd01::1 dev eth0 proto static metric 100",
	}
	nmTunnel = []string{
		"tuntap add tun0 mode tun", "link set tun0 mtu 1400 up", "addr add 10.9.0.1/24 dev tun0 noprefixroute", "addr add fd09::1/64 dev tun0 nodad",
		"route add 10.9.0.0/24 dev tun0 proto kernel src 10.9.0.1 metric 50",
		"route add default dev tun0 proto static metric 50", "route add ::/0 dev tun0 proto static metric 50",
	}
	nmPin = []string{
		"route add 10.1.0.1 dev eth0 proto static metric 50", "route add 192.0.2.1 via 10.1.0.1 dev eth0 proto static metric 50",
		"route add fd01::1 dev eth0 proto static metric 50", "route add 2001:db8::1 via fd01::1 dev eth0 proto static metric 50",
	}
	nmPenalty = []string{ // for a device without connectivity
		"route add default via 10.1.0.1 dev eth0 proto static metric 20100", "route del default via 10.1.0.1 metric 100",
		"route add ::/0 via fd01::1 dev eth0 proto static metric 20100", "route del ::/0 via fd01::1 metric 100",
	}
	baseUp = []string{
		"link set eth0 up", "addr replace 10.1.0.2/24 dev eth0", "addr replace fd01::2/64 dev eth0 nodad",
		"route add default via 10.1.0.1 dev eth0 proto static metric 100", "route add ::/0 via fd01::1 dev eth0 proto static metric 100",
	}
)

// onNetworkManager calls test for a gateway of each family, on a base connection.
func onNetworkManager(t *testing.T, test func(t *testing.T, o *observer)) {
	t.Helper()
	if !inNamespace(t) {
		return
	}
	ip(t, nmBase...)
	for _, target := range []string{"192.0.2.1", "2001:db8::1"} {
		t.Run(target, func(t *testing.T) { test(t, &observer{tunnel: tun0, gateway: gateway(target)}) })
		ip(t, "link del tun0", "link set eth0 down")
		ip(t, baseUp...)
	}
}

// glance is what o sees after the commands.
func glance(t *testing.T, o *observer, commands ...[]string) way {
	t.Helper()
	for _, c := range commands {
		ip(t, c...)
	}
	return o.look()
}

// No step of NetworkManager's setting up is a change of the way, in any order.
func TestNetworkManagerSetsUp(t *testing.T) {
	onNetworkManager(t, func(t *testing.T, o *observer) {
		before := glance(t, o)
		for name, step := range map[string][]string{"tunnel": nmTunnel, "route to the gateway": nmPin, "penalty": nmPenalty} {
			if now := glance(t, o, step); now != before || !now.exists() {
				t.Errorf("%s: %+v became %+v", name, before, now)
			}
		}
	})
}

// The base device goes down, and with it the route to the gateway, but not the one
// into the tunnel; it comes back, and then the route to the gateway does.
func TestNetworkManagersBaseGoesAndComes(t *testing.T) {
	onNetworkManager(t, func(t *testing.T, o *observer) {
		up := glance(t, o, nmTunnel, nmPin)
		if now := glance(t, o, []string{"link set eth0 down"}); now.exists() {
			t.Errorf("down: %+v is a way", now)
		}
		if now := glance(t, o, []string{"addr flush dev eth0"}); now.exists() {
			t.Errorf("flushed: %+v is a way", now)
		}
		if now := glance(t, o, baseUp); now != up {
			t.Errorf("back: %+v, before %+v", now, up)
		}
		if now := glance(t, o, nmPin); now != up {
			t.Errorf("the route to the gateway is a change: %+v, before %+v", now, up)
		}
	})
}

// The cable is drawn while there is another network. NetworkManager waits before it
// moves the route to the gateway, and what is tried until then is in vain.
func TestNetworkManagerMovesToAnotherDevice(t *testing.T) {
	onNetworkManager(t, func(t *testing.T, o *observer) {
		ip(t, "link add eth2 type veth peer name eth3", "link set eth2 up", "link set eth3 up", "addr add 10.2.0.2/24 dev eth2", "addr add fd02::2/64 dev eth2 nodad",
			"route add default via 10.2.0.1 dev eth2 proto static metric 600", "route add ::/0 via fd02::1 dev eth2 proto static metric 600")
		ip(t, append(nmTunnel, nmPin...)...)
		out, err := hasty.watch(t.Context(), o.tunnel, o.gateway)
		if err != nil {
			t.Fatal(err)
		}
		awaitEvent(t, out, Changed, "link set eth1 down")
		awaitEvent(t, out, Changed, "link set eth0 down", "addr flush dev eth0",
			"route add 192.0.2.1 via 10.2.0.1 dev eth2 proto static metric 50", "route add 2001:db8::1 via fd02::1 dev eth2 proto static metric 50")
		ip(t, "link del eth2", "link set eth1 up")
	})
}
