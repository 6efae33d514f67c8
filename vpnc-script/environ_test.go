package vpncscript

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

var update = flag.Bool("update", false, "write the golden files anew")

func prefixes(list ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func addrs(list ...string) []netip.Addr {
	var out []netip.Addr
	for _, s := range list {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

// tunnel is a Config with addresses and routes.
func tunnel(addresses, routes []netip.Prefix) netcfg.Config {
	return netcfg.Config{Interface: "tun0", Gateway: netip.MustParseAddr("192.0.2.1"), MTU: 1390, Addresses: addresses, Routes: routes}
}

func with(c netcfg.Config, change func(*netcfg.Config)) netcfg.Config {
	change(&c)
	return c
}

var both = prefixes("10.0.0.7/24", "fd00::7/64")

var goldens = map[string]netcfg.Config{
	"full-4":    tunnel(prefixes("10.0.0.7/24"), prefixes("0.0.0.0/0")),
	"full-6":    tunnel(prefixes("fd00::7/128"), prefixes("::/0")),
	"full-both": tunnel(both, prefixes("0.0.0.0/0", "::/0")),
	// All and a part of it is all.
	"full-and-more": tunnel(both, prefixes("10.1.0.0/16", "0.0.0.0/0", "::/0", "fd01::/16")),
	// One family inside whole, of the other nothing: "no list" would say all.
	"only-4-of-both": tunnel(both, prefixes("0.0.0.0/0")),
	"only-6-of-both": tunnel(both, prefixes("::/0")),
	"nothing-inside": tunnel(both, nil),
	"split": with(tunnel(both, prefixes("10.1.0.0/16", "10.2.3.4/32", "fd01::/16")), func(c *netcfg.Config) {
		c.Excludes = prefixes("10.1.2.0/24", "10.1.3.128/25", "fd01:2::/32")
	}),
	"host-bits":          tunnel(both, prefixes("10.1.2.3/16", "fd01::77/64")),
	"routes-without-own": tunnel(prefixes("10.0.0.7/32"), prefixes("10.1.0.0/16", "fd01::/16", "::/0")),
	"names": with(tunnel(both, nil), func(c *netcfg.Config) {
		c.DNS = addrs("10.0.0.53", "fd00::53", "::ffff:10.0.0.54")
		c.NBNS = addrs("10.0.0.60", "10.0.0.61")
		c.Search = []string{"example.com", "corp.example.com"}
		c.SplitDNS = []string{"example.com", "lab.example"}
	}),
	"many-servers": with(tunnel(both, nil), func(c *netcfg.Config) {
		c.DNS = addrs("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4")
		c.NBNS = addrs("10.0.1.1", "10.0.1.2", "10.0.1.3", "10.0.1.4")
	}),
	"texts": with(tunnel(both, nil), func(c *netcfg.Config) {
		c.Banner = "Welcome!\nBe \\ careful, \u00fcber all."
		c.ProxyPAC = "https://pac.example.com:8080/proxy.pac?site=a&b=c"
		c.IdleTimeout = 30 * time.Minute
		c.Expires = time.Unix(1<<31, 0)
		c.ScriptOptions = []netcfg.Pair{{Key: "X-CSTP-Version", Value: "1"}, {Key: "X-CSTP-Banner", Value: "a=b"}, {Key: "X-CSTP-Empty"}}
	}),
	"hostile": with(tunnel(both, nil), func(c *netcfg.Config) {
		c.Search = []string{"$(reboot)", "a b", "ok.example.com.", "new\nline", "-dash.example", "*.wild.example", "x;y", strings.Repeat("a", 64) + ".example", "\u202eexample"}
		c.SplitDNS = []string{"a,b", "..", "", "fine.example", "nul\x00.example"}
		c.Banner = "one\r\ntwo\x1b[31m red\x00\u202e \xff\ttab\u0085"
		c.ProxyPAC = "http://pac.example/'; reboot; '"
		c.ScriptOptions = []netcfg.Pair{{Key: "X\nreason", Value: "a\nVPNPID=1\x00"}, {Key: "", Value: "lost"}}
	}),
	"gateway-6":     with(tunnel(both, nil), func(c *netcfg.Config) { c.Gateway = netip.MustParseAddr("2001:db8::1") }),
	"nothing-known": {},
}

func TestEnvironmentGolden(t *testing.T) {
	for name, c := range goldens {
		checkGolden(t, name, environment(connect, c, 4321, 1))
	}
}

func TestReasons(t *testing.T) {
	c := goldens["split"]
	for _, r := range []reason{preInit, attemptReconnect, reconnect, disconnect} {
		got := environment(r, c, 4321, 1)
		want := environment(connect, c, 4321, 1)
		want[0] = "reason=" + string(r)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%s differs in more than its reason: %q", r, got)
		}
	}
}

func checkGolden(t *testing.T, name string, env []string) {
	t.Helper()
	file := filepath.Join("testdata/golden", name+".env")
	got := strings.Join(escaped(env), "\n") + "\n"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%swant\n%s", name, got, want)
	}
}

func TestInherited(t *testing.T) {
	got := inherited([]string{
		"PATH=/bin", "LANG=C", "HOME=/root", "SSH_AUTH_SOCK=/run/agent", "EMPTY=", "PATH=/second", "nonsense", "=x",
		"reason=connect", "CISCO_SPLIT_INC=9", "INTERNAL_IP4_DNS=1.1.1.1", "TUNDEV=tun7", "VPNFD=9",
		"MY_PASSWORD=x", "GitHub_Token=x", "CREDENTIALS_DIRECTORY=/run/credentials/x", "NOTIFY_SOCKET=/x", "PLUGIN_CLIENT_CERT=x", "PENSTOCK_PLUGIN_PATH=/x",
		"https_proxy=http://alice:hunter2@proxy:3128", "http_proxy=http://proxy:3128", "no_proxy=@corp", "ftp_proxy=http://a:%zz@b",
	})
	want := "PATH=/bin LANG=C HOME=/root SSH_AUTH_SOCK=/run/agent EMPTY= http_proxy=http://proxy:3128 no_proxy=@corp"
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
	if got := inherited(nil); len(got) != 1 || !strings.HasPrefix(got[0], "PATH=") {
		t.Errorf("an empty environment gives %q", got)
	}
}
