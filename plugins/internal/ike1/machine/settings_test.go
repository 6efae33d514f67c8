package machine

import (
	"net/netip"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
)

// Networks come several in an attribute, and one alone may end with its mask, as strongSwan's
// do. What is cut off elsewhere is refused.
func TestNetworks(t *testing.T) {
	const one, two, short = "\x0a\x00\x00\x00\xff\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\xc0\xa8\x01\x02\xff\xff\xff\x00\x11\x00\x00\x35\x00\x00", "\xac\x10\x00\x00\xff\xf0\x00\x00"
	for text, want := range map[string][]string{
		one: {"10.0.0.0/8"}, one + two: {"10.0.0.0/8", "192.168.1.0/24"}, short: {"172.16.0.0/12"},
		one + one: {"10.0.0.0/8"}, "": nil,
		one[:13]: nil, short[:7]: nil, one + short[:4]: nil, short + one: nil, one + short: nil,
	} {
		var got []netip.Prefix
		err := networks(&got, []byte(text))
		if len(got) != len(want) || (err != nil) != (want == nil && text != "") {
			t.Errorf("%x: %v, %v, want %v", text, got, err, want)
			continue
		}
		for i := range want {
			if got[i].String() != want[i] {
				t.Errorf("%x: %v, want %v", text, got, want)
			}
		}
	}
}

// What a gateway says of addresses that are none is refused, and names that are none are
// left out.
func TestSettings(t *testing.T) {
	address := ike1.Attribute{Type: ike1.InternalIP4Address, Value: []byte{10, 0, 0, 2}}
	for name, a := range map[string]ike1.Attribute{
		"multicast":          {Type: ike1.InternalIP4Address, Value: []byte{224, 0, 0, 1}},
		"too short":          {Type: ike1.InternalIP4Address, Value: []byte{10, 0, 0}},
		"half a name server": {Type: ike1.InternalIP4DNS, Value: []byte{10, 0, 0, 1, 10, 0}},
	} {
		if g, err := grantedOf(ike1.Config{Attributes: []ike1.Attribute{address, a}}); err == nil {
			t.Errorf("%s: %+v", name, g.settings)
		}
	}
	g, err := grantedOf(ike1.Config{Attributes: []ike1.Attribute{address,
		{Type: ike1.UnitySplitDNS, Value: []byte("corp.test, lab.test.,../../etc,a\nb,")},
		{Type: ike1.UnityBanner, Value: []byte("Welcome\xff")},
		{Type: ike1.UnitySavePassword, Value: []byte{0, 1}},
	}})
	if n := g.settings; err != nil || len(n.SplitDNS) != 2 || n.SplitDNS[0] != "corp.test" || n.SplitDNS[1] != "lab.test" || n.Banner != "Welcome?" {
		t.Errorf("%+v, %v", g.settings, err)
	}
}
