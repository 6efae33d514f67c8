package netmon

import (
	"net/netip"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// around wants a device for the gateway; "" where the kernel needs no help.
func around(t *testing.T, gateway, want string) {
	t.Helper()
	if got, err := Around("tun0", netip.MustParseAddr(gateway)); err != nil || got != want {
		t.Errorf("around to %s: %q, %v, want %q", gateway, got, err, want)
	}
}

// The gateway's own route comes and goes under a tunnel that takes everything.
func TestAroundTheTunnel(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ip(t, nmBase...)
	gateways := []string{"192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1"}
	all := func(want string) {
		t.Helper()
		for _, g := range gateways {
			around(t, g, want)
		}
	}
	all("")
	ip(t, nmTunnel...)
	all("eth0")
	ip(t, nmPin...)
	all("")
	around(t, "192.0.2.99", "eth0") // the name has moved
	ip(t, "route del 192.0.2.1", "route del 2001:db8::1", "route add 0.0.0.0/1 dev tun0", "route add 128.0.0.0/1 dev tun0", "route add ::/1 dev tun0", "route add 2001:db8::/32 dev tun0")
	all("eth0")
	ip(t, "link set eth0 down")
	for _, g := range gateways {
		if device, err := Around("tun0", netip.MustParseAddr(g)); diag.Of(err).Code != diag.Unreachable {
			t.Errorf("without a base, around to %s: %q, %v", g, device, err)
		}
	}
	ip(t, baseUp...)
	all("eth0")
	ip(t, "link del tun0")
	all("")
}
