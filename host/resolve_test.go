package host

import (
	"net/netip"
	"slices"
	"testing"
)

func TestOverrides(t *testing.T) {
	o, err := parseOverrides("VPN.example.com:192.0.2.1,vpn.example.com:2001:db8::1,other.example.com:[2001:db8::2]")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]netip.Addr{
		"vpn.Example.com":   {netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")},
		"other.example.com": {netip.MustParseAddr("2001:db8::2")},
		"localhost":         nil,
	} {
		got, err := o.LookupNetIP(t.Context(), "ip", name)
		if err != nil || want != nil && !slices.Equal(got, want) || len(got) == 0 {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for _, bad := range []string{"x", "x:", ":192.0.2.1", "x:y"} {
		if _, err := parseOverrides(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if o, err := parseOverrides(""); o != nil || err != nil {
		t.Error(o, err)
	}
}
