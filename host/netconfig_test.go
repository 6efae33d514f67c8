package host

import (
	"net/netip"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func goodConfig() *pluginpb.NetConfig {
	return &pluginpb.NetConfig{
		Addresses: []string{"10.0.0.7/24", "fd00::7/64"}, Mtu: 1400,
		Routes: []string{"10.9.8.7/16", "::/0"}, Excludes: []string{"10.9.9.0/24"},
		Dns: []string{"10.0.0.1", "fd00::1"}, Nbns: []string{"10.0.0.2"},
		Search: []string{"corp.example"}, SplitDns: []string{".lab.example.", "_ldap.corp.example"},
		Banner: "hello\n", ProxyPac: "https://pac.example/p.pac",
	}
}

func TestParseNetConfig(t *testing.T) {
	c, err := parseNetConfig(goodConfig())
	if err != nil {
		t.Fatal(err)
	}
	if c.Routes[0] != netip.MustParsePrefix("10.9.0.0/16") {
		t.Errorf("host bits stayed: %v", c.Routes[0])
	}
	if c.SplitDNS[0] != "lab.example" {
		t.Errorf("dots stayed: %q", c.SplitDNS[0])
	}
}

func TestParseNetConfigRefuses(t *testing.T) {
	for field, spoil := range map[string]func(*pluginpb.NetConfig){
		"addresses: \"10.0.0.7\"":        func(c *pluginpb.NetConfig) { c.Addresses = []string{"10.0.0.7"} },
		"addresses: none":                func(c *pluginpb.NetConfig) { c.Addresses = nil },
		"addresses: 127.0.0.1/8":         func(c *pluginpb.NetConfig) { c.Addresses = []string{"127.0.0.1/8"} },
		"addresses: ::ffff:10.0.0.1/128": func(c *pluginpb.NetConfig) { c.Addresses = []string{"::ffff:10.0.0.1/128"} },
		"mtu: 70000":                     func(c *pluginpb.NetConfig) { c.Mtu = 70000 },
		"mtu: 100":                       func(c *pluginpb.NetConfig) { c.Mtu = 100 },
		"routes: \"10.0.0.0/33\"":        func(c *pluginpb.NetConfig) { c.Routes = []string{"10.0.0.0/33"} },
		"routes: 5000 entries":           func(c *pluginpb.NetConfig) { c.Routes = make([]string, 5000) },
		"dns":                            func(c *pluginpb.NetConfig) { c.Dns = []string{"dns.example"} },
		"search: \"a b\"":                func(c *pluginpb.NetConfig) { c.Search = []string{"a b"} },
		"split_dns: \"$(reboot)\"":       func(c *pluginpb.NetConfig) { c.SplitDns = []string{"$(reboot)"} },
		"split_dns: \"a..b\"":            func(c *pluginpb.NetConfig) { c.SplitDns = []string{"a..b"} },
		"banner":                         func(c *pluginpb.NetConfig) { c.Banner = strings.Repeat("x", maxBanner+1) },
		"proxy_pac":                      func(c *pluginpb.NetConfig) { c.ProxyPac = "javascript:x" },
		"script_options": func(c *pluginpb.NetConfig) {
			c.ScriptOptions = []*pluginpb.Pair{{Key: "X-A", Value: "b\nreason=evil"}}
		},
	} {
		c := goodConfig()
		spoil(c)
		if _, err := parseNetConfig(c); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func FuzzParseNetConfig(f *testing.F) {
	seed, err := proto.Marshal(goodConfig())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &pluginpb.NetConfig{}
		if proto.Unmarshal(b, m) != nil {
			return
		}
		c, err := parseNetConfig(m)
		if err != nil {
			return
		}
		for _, r := range append(c.Routes, c.Excludes...) {
			if r != r.Masked() {
				t.Errorf("route %v has host bits", r)
			}
		}
		for _, d := range append(c.Search, c.SplitDNS...) {
			if strings.ContainsAny(d, " \n;$`'\"") {
				t.Errorf("domain %q", d)
			}
		}
	})
}
