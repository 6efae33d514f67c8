package machine

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

func selector(first, end string) ike.Selector {
	return ike.Selector{EndPort: 65535, First: netip.MustParseAddr(first), End: netip.MustParseAddr(end)}
}

func TestRoutes(t *testing.T) {
	for _, test := range []struct {
		selectors []ike.Selector
		want      string
	}{
		{ike.Everything(), "[0.0.0.0/0 ::/0]"},
		{[]ike.Selector{selector("10.0.0.0", "10.255.255.255")}, "[10.0.0.0/8]"},
		{[]ike.Selector{selector("10.0.0.1", "10.0.0.6")}, "[10.0.0.1/32 10.0.0.2/31 10.0.0.4/31 10.0.0.6/32]"},
		{[]ike.Selector{selector("255.255.255.255", "255.255.255.255")}, "[255.255.255.255/32]"},
		{[]ike.Selector{selector("fd00::", "fd00::1")}, "[fd00::/127]"},
		{[]ike.Selector{selector("10.0.0.1", "10.0.0.1"), selector("10.0.0.1", "10.0.0.1")}, "[10.0.0.1/32]"},
	} {
		got, err := routesOf(test.selectors)
		if err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%v: %v, %v; want %s", test.selectors, got, err, test.want)
		}
	}
	if all, err := routesOf(make([]ike.Selector, 0)); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
	var many []ike.Selector
	for i := range 40 {
		many = append(many, selector(fmt.Sprintf("%d::1", i+1), fmt.Sprintf("%d:ffff:ffff:ffff:ffff:ffff:ffff:fffe", i+1)))
	}
	if _, err := routesOf(many); err == nil {
		t.Error("a gateway may set as many routes as it likes")
	}
}

func reply(attributes ...ike.Attribute) *ike.Config {
	return &ike.Config{Kind: ike.ConfigReply, Attributes: attributes}
}

// Networks in Cisco's terms: address, mask, and six bytes for protocol and ports.
func TestUnityNetworks(t *testing.T) {
	two := []byte{10, 1, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 0, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0}
	address := ike.Attribute{Kind: ike.InternalIP4Address, Value: []byte{10, 0, 0, 7}}
	n, err := settingsOf(reply(address, ike.Attribute{Kind: ike.UnitySplitInclude, Value: two}, ike.Attribute{Kind: ike.UnityLocalLAN, Value: two[14:]}), ike.Everything()[:1])
	if err != nil || fmt.Sprint(n.Routes) != "[10.1.0.0/16 192.0.2.0/24]" || fmt.Sprint(n.Excludes) != "[192.0.2.0/24]" {
		t.Errorf("routes %v without %v, %v", n.Routes, n.Excludes, err)
	}
	for _, odd := range [][]byte{two[:13], two[:15], make([]byte, unityEntry*(maxRoutes+1))} {
		if _, err := settingsOf(reply(address, ike.Attribute{Kind: ike.UnitySplitInclude, Value: odd}), ike.Everything()); err == nil {
			t.Errorf("%d bytes are taken", len(odd))
		}
	}
}

func TestSettings(t *testing.T) {
	address := ike.Attribute{Kind: ike.InternalIP4Address, Value: []byte{10, 0, 0, 7}}
	n, err := settingsOf(reply(address,
		ike.Attribute{Kind: ike.InternalIP4Netmask, Value: []byte{255, 255, 255, 0}},
		ike.Attribute{Kind: ike.InternalIP6Address, Value: append(netip.MustParseAddr("fd00::7").AsSlice(), 64)},
		ike.Attribute{Kind: ike.InternalIP4DNS, Value: []byte{10, 0, 0, 1}}, ike.Attribute{Kind: ike.InternalIP4DNS, Value: []byte{10, 0, 0, 1}},
		ike.Attribute{Kind: ike.InternalIP4Subnet, Value: []byte{10, 1, 2, 3, 255, 255, 0, 0}},
		ike.Attribute{Kind: ike.InternalDNSDomain, Value: []byte("corp.test.")},
		ike.Attribute{Kind: ike.UnitySplitDNS, Value: []byte("a.test,b.test, rm -rf")},
		ike.Attribute{Kind: ike.UnityDefaultDomain, Value: []byte("corp.test")},
		ike.Attribute{Kind: 31000, Value: []byte("?")},
	), ike.Everything())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(n.Addresses, n.DNS, n.Routes, n.Search, n.SplitDNS); got != "[10.0.0.7/32 fd00::7/128] [10.0.0.1] [10.1.0.0/16 ::/0] [corp.test] [corp.test a.test b.test rm]" {
		t.Errorf("%s", got)
	}
	for name, c := range map[string]*ike.Config{
		"nothing": nil, "a request": {Kind: ike.ConfigRequest, Attributes: []ike.Attribute{address}}, "no address": reply(),
		"a short address":   reply(ike.Attribute{Kind: ike.InternalIP4Address, Value: []byte{10, 0, 0}}),
		"no address at all": reply(ike.Attribute{Kind: ike.InternalIP4Address, Value: []byte{0, 0, 0, 0}}),
		"multicast":         reply(ike.Attribute{Kind: ike.InternalIP4Address, Value: []byte{224, 0, 0, 1}}),
		"a long address":    reply(ike.Attribute{Kind: ike.InternalIP6Address, Value: make([]byte, 18)}),
		"a server of none":  reply(address, ike.Attribute{Kind: ike.InternalIP4DNS, Value: []byte{1}}),
		"a subnet of none":  reply(address, ike.Attribute{Kind: ike.InternalIP4Subnet, Value: []byte{1, 2, 3, 4}}),
		"a prefix too long": reply(address, ike.Attribute{Kind: ike.InternalIP6Subnet, Value: append(make([]byte, 16), 129)}),
	} {
		if n, err := settingsOf(c, ike.Everything()); err == nil {
			t.Errorf("%s: %+v", name, n)
		}
	}
}

// What each side wants in a negotiation of algorithms.
func TestChoose(t *testing.T) {
	parse := func(name string) []ike.Proposal {
		p, err := ParseESP([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	for _, test := range []struct{ ours, theirs, want string }{
		{"aes256gcm16-aes128gcm16", "aes128gcm16", "aes128gcm16"},
		{"aes256-sha256", "aes256-sha1", ""},
		{"aes256gcm16-ecp256", "aes256gcm16-ecp256", "aes256gcm16"},
		{"aes256gcm16-ecp256", "aes256gcm16", ""},
		{"aes256gcm16", "aes256gcm16-ecp256", ""},
	} {
		p := choose(parse(test.ours), parse(test.theirs))
		got := ""
		if p != nil {
			s, err := chosenESP(*p)
			if err != nil {
				t.Fatal(err)
			}
			got = s.name
			if err := accepted(parse(test.theirs), *p); err != nil {
				t.Errorf("%s and %s: the other side says %v", test.ours, test.theirs, err)
			}
		}
		if got != test.want {
			t.Errorf("%s and %s: %q, want %q", test.ours, test.theirs, got, test.want)
		}
	}
}
