package pppcall

import (
	"net/netip"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
)

// IPv6 is set up where it fits, and nothing of it where it does not.
func TestSettingsWithIPv6(t *testing.T) {
	n := ppp.Network{
		Address: netip.MustParseAddr("10.0.0.2"), IPv6: netip.MustParseAddr("2001:db8::2"),
		DNS: []netip.Addr{netip.MustParseAddr("10.0.0.53"), netip.MustParseAddr("2001:db8::53")},
	}
	for name, test := range map[string]struct {
		mru, user int
		encrypted bool
		each      int // addresses, routes and servers
	}{
		"enough":             {1500, 0, false, 2},
		"just enough":        {1280, 0, false, 2},
		"a small MRU":        {1279, 0, false, 1},
		"a small MTU":        {1500, 1000, false, 1},
		"small as encrypted": {1280, 0, true, 1},
	} {
		n.MRU = test.mru
		c := New(t.Context(), nil, &tunnel{}, Options{PPP: ppp.Config{MRU: 1400}, MTU: test.user})
		c.encrypted = test.encrypted
		if s := c.settings(n); len(s.Addresses) != test.each || len(s.Routes) != test.each || len(s.DNS) != test.each {
			t.Errorf("%s: %+v", name, s)
		}
	}
	if len(n.DNS) != 2 || !n.DNS[1].Is6() {
		t.Errorf("the agreement itself was changed: %v", n.DNS)
	}
}
