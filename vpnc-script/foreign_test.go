package vpncscript

import (
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// debianScript is what the package vpnc-scripts installs, and what openconnect runs
// when nothing else is said.
const debianScript = "/usr/share/vpnc-scripts/vpnc-script"

// Debian's vpnc-script works with our environment and undoes what it did.
func TestDebianScript(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	split := inside(func(c *netcfg.Config) {
		c.Routes = prefixes("10.0.0.0/8", "fd99::/64")
		c.Excludes = prefixes("10.1.2.0/24")
		c.Banner = "Welcome\nhere"
	})
	for name, c := range map[string]netcfg.Config{"full": systems["full"], "split": split} {
		before := network(t)
		a := New(Options{Script: debianScript, PID: 77, Logger: testLogger(t)})
		must(t, a.Prepare(t.Context(), c))
		must(t, a.Apply(t.Context(), c))
		now := network(t)
		for _, line := range debianShows[name] {
			if !strings.Contains(now, line) {
				t.Errorf("%s: %q is missing in\n%s", name, line, now)
			}
		}
		must(t, a.Reconnecting(t.Context()))
		must(t, a.Reconnected(t.Context()))

		changed := c
		changed.DNS = addrs("10.99.0.77")
		must(t, a.Apply(t.Context(), changed))
		if got := readFile(t, "/etc/resolv.conf"); !strings.Contains(got, "nameserver 10.99.0.77\n") || strings.Contains(got, "10.99.0.1\n") {
			t.Errorf("%s: changed DNS: %s", name, got)
		}
		undo := a.Undo(changed)
		must(t, undo.Run(t.Context(), func(line string) { t.Log(line) }))
		if now := network(t); now != before {
			t.Errorf("%s: left behind:\n%s", name, diff(t, before, now))
		}
	}
}

// debianShows is what must be seen whatever the script's version.
var debianShows = map[string][]string{
	"full": {
		"inet 10.88.0.50/32", "inet6 fd88::50/128", "mtu 1390", "default dev tun9", "192.0.2.1 via 10.1.0.1 dev eth0",
		"10.88.0.0/24 dev tun9", "nameserver 10.99.0.1\n", "nameserver fd99::1\n", "corp.test lab.test",
	},
	"split": {
		"default via 10.1.0.1", "10.0.0.0/8 dev tun9", "10.1.2.0/24 via 10.1.0.1 dev eth0", "fd99::/64 dev tun9", "192.0.2.1 via 10.1.0.1 dev eth0",
	},
}
