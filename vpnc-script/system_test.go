package vpncscript

import (
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

func testLogger(t *testing.T) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

// inside are settings for tun9, behind the default route.
func inside(change func(*netcfg.Config)) netcfg.Config {
	c := netcfg.Config{
		Interface: "tun9", Gateway: netip.MustParseAddr("192.0.2.1"), MTU: 1390,
		Addresses: prefixes("10.88.0.50/24", "fd88::50/128"),
		Routes:    prefixes("0.0.0.0/0", "::/0"),
		DNS:       addrs("10.99.0.1", "fd99::1"),
		Search:    []string{"corp.test", "lab.test"},
	}
	change(&c)
	return c
}

var systems = map[string]netcfg.Config{
	"full": inside(func(*netcfg.Config) {}),
	"gateway-6": inside(func(c *netcfg.Config) {
		c.Gateway = netip.MustParseAddr("2001:db8::1")
		c.Excludes = prefixes("192.168.7.0/24", "fd07::/64", "127.0.0.0/8", "0.0.0.0/32", "fe80::/10")
	}),
	"split": inside(func(c *netcfg.Config) {
		c.Routes = prefixes("10.0.0.0/8", "172.16.5.0/24", "fd99::/64", "192.0.2.1/32", "192.0.2.0/24")
		c.Excludes = prefixes("10.1.2.0/24", "172.16.5.0/24", "fd99:0:0:0:5::/80")
	}),
	"only-4": inside(func(c *netcfg.Config) { c.Addresses, c.DNS = c.Addresses[:1], nil }),
	"only-6": inside(func(c *netcfg.Config) { c.Addresses, c.DNS = c.Addresses[1:], addrs("fd99::1") }),
	"nothing": inside(func(c *netcfg.Config) {
		c.Routes, c.DNS = nil, nil
		c.Gateway = netip.MustParseAddr("127.0.0.1") // a proxy on this machine
	}),
	// The machine's own network is also pushed by the gateway, whole.
	"overlap": inside(func(c *netcfg.Config) {
		c.Routes = prefixes("10.1.0.0/24", "fd01::/64")
		c.Gateway = netip.MustParseAddr("10.1.0.99")
		c.DNS = nil
	}),
}

func goldenText(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata/system", name)
	if *update {
		must(t, os.MkdirAll(filepath.Dir(file), 0o755))
		writeFile(t, file, got)
	}
	if want := readFile(t, file); got != want {
		t.Errorf("%s:\n%s", name, diff(t, want, got))
	}
}

func TestSystem(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	before := network(t)
	for name, c := range systems {
		a := bundled(t)
		must(t, a.Prepare(t.Context(), c))
		unchanged(t, before)
		must(t, a.Apply(t.Context(), c))
		goldenText(t, name, tunnelled(t))
		up := network(t)
		must(t, bundled(t).Apply(t.Context(), c)) // once more, from nowhere
		must(t, a.Reconnecting(t.Context()))
		must(t, a.Reconnected(t.Context()))
		if now := network(t); now != up {
			t.Errorf("%s: not idempotent:\n%s", name, diff(t, up, now))
		}
		must(t, a.Apply(t.Context(), netcfg.Config{}))
		unchanged(t, before)
	}
}

// From any settings to any others is as to the others from nothing.
func TestSystemChanges(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	before := network(t)
	want := map[string]string{}
	names := slices.Sorted(maps.Keys(systems))
	for _, name := range names {
		a := bundled(t)
		must(t, a.Apply(t.Context(), systems[name]))
		want[name] = sorted(network(t))
		must(t, a.Apply(t.Context(), netcfg.Config{}))
	}
	a := bundled(t)
	for i, one := range names {
		for _, other := range names[i+1:] { // back from the other to the one as well
			for _, name := range []string{one, other} {
				must(t, a.Apply(t.Context(), systems[name]))
				if got := sorted(network(t)); got != want[name] {
					t.Errorf("between %s and %s, to %s:\n%s", one, other, name, diff(t, want[name], got))
				}
			}
		}
	}
	must(t, a.Apply(t.Context(), netcfg.Config{}))
	unchanged(t, before)
}

// sorted forgets the order in which routes were added.
func sorted(text string) string {
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// The host was killed: whoever finds its journal undoes everything, whether or not
// the device still exists, and whether or not another has its name.
func TestSystemAfterKill(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	for _, name := range []string{"device stays", "device gone"} {
		before := network(t)
		c := systems["split"]
		undo := bundled(t).Undo(c)
		must(t, bundled(t).Apply(t.Context(), c))
		if name == "device gone" {
			sh(t, "ip link del tun9")
		}
		must(t, undo.Run(t.Context(), func(line string) { t.Log(line) }))
		if name == "device stays" {
			unchanged(t, before)
			continue
		}
		left := network(t)
		if strings.Contains(left, "proto 223") || !strings.Contains(left, "made by hand") {
			t.Errorf("%s:\n%s", name, left)
		}
	}
	sh(t, "ip tuntap add tun9 mode tun; ip link set tun9 up; ip addr add 10.55.0.1/24 dev tun9; ip link add tun8 type veth peer name tun8p; ip link set tun8 up")
	before := network(t)
	c := systems["gateway-6"]
	c.Interface = "tun8"
	undo := bundled(t).Undo(c)
	must(t, bundled(t).Apply(t.Context(), c))
	sh(t, "ip link del tun8; ip link add tun8 type veth peer name tun8p; ip link set tun8 up; ip addr add 10.56.0.1/24 dev tun8")
	undo.Env = append(undo.Env, "TUNDEV=penstock-gone", "PENSTOCK_TUNDEV=tun8")
	must(t, undo.Run(t.Context(), func(line string) { t.Log(line) }))
	left := network(t)
	if strings.Contains(left, "proto 223") || !strings.Contains(left, "made by hand") || !strings.Contains(left, "10.56.0.0/24 dev tun8") {
		t.Errorf("another program's device:\n%s", diff(t, before, left))
	}
}

// The machine moves to another network while the tunnel is up.
func TestSystemRoams(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	for _, gateway := range []string{"192.0.2.1", "2001:db8::1"} {
		before := network(t)
		a := bundled(t)
		c := inside(func(c *netcfg.Config) {
			c.Gateway = netip.MustParseAddr(gateway)
			c.Excludes = prefixes("192.168.7.0/24", "fd07::/64")
		})
		must(t, a.Apply(t.Context(), c))
		reaches := func(want, want6 string) {
			t.Helper()
			for target, hop := range map[string]string{"192.168.7.1": want, "fd07::1": want6, gateway: map[bool]string{true: want, false: want6}[c.Gateway.Is4()]} {
				if got := sh(t, "ip route get "+target+" 2>&1 || :"); !strings.Contains(got, hop+" ") && !strings.Contains(got, hop+"\n") {
					t.Errorf("gateway %s: to %s: want %q, got %s", gateway, target, hop, got)
				}
			}
		}
		reaches("via 10.1.0.1", "via fd01::1")
		sh(t, "ip route replace default via 10.1.0.7; ip -6 route replace default via fd01::7 dev eth0")
		must(t, a.Reconnecting(t.Context()))
		reaches("via 10.1.0.7", "via fd01::7")

		sh(t, "ip route del default; ip -6 route del default; ip link add wlan0 type veth peer name wlan1; ip link set wlan0 up; ip link set wlan1 up; ip link set eth1 down")
		must(t, a.Reconnecting(t.Context()))
		if got := sh(t, "ip route get "+gateway+" 2>&1 || :"); !strings.Contains(got, "unreachable") && !strings.Contains(got, "No route to host") {
			t.Errorf("without a network packets to the gateway go %s", got)
		}
		sh(t, "ip addr add 10.2.0.2/24 dev wlan0; ip -6 addr add fd02::2/64 dev wlan0 nodad; ip route add default via 10.2.0.1 src 10.2.0.2; ip -6 route add default via fd02::1 dev wlan0")
		must(t, a.Reconnecting(t.Context()))
		must(t, a.Reconnected(t.Context()))
		reaches("via 10.2.0.1", "via fd02::1")

		sh(t, "ip link del wlan0; ip link set eth1 up; ip route replace default via 10.1.0.1; ip -6 route replace default via fd01::1 dev eth0")
		must(t, a.Apply(t.Context(), netcfg.Config{}))
		await(t, "the link to be up", func() bool { return strings.Count(sh(t, "ip link"), "state UP") == 2 })
		unchanged(t, before)
	}
}

// What cannot be set up is undone, and is an error.
func TestSystemFails(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	before := network(t)
	for name, c := range map[string]struct {
		config netcfg.Config
		says   string
	}{
		"no device":  {inside(func(c *netcfg.Config) { c.Interface = "tun77" }), "cannot bring tun77 up"},
		"small MTU":  {inside(func(c *netcfg.Config) { c.MTU, c.Addresses, c.Routes = 1000, c.Addresses[1:], c.Routes[1:] }), "cannot set the address fd88::50/128"},
		"odd MTU":    {inside(func(c *netcfg.Config) { c.MTU = 1 << 30 }), "cannot bring tun9 up"},
		"broken DNS": {systems["split"], "resolvconf: no"},
	} {
		if name == "broken DNS" {
			fake(t, "resolvconf", `[ "$1" = -d ] || { echo no; exit 1; }`)
		}
		err := bundled(t).Apply(t.Context(), c.config)
		if err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "returned 1") {
			t.Errorf("%s: %v", name, err)
		}
		sh(t, "ip link set tun9 mtu 1390; rm -f /run/fakes/resolvconf")
		unchanged(t, before)
	}
}

// A script that hangs is killed; what it had done is undone.
func TestSystemHangs(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	before := network(t)
	fake(t, "resolvconf", `[ "$1" = -d ] || sleep 600`)
	a := bundled(t)
	a.o.Timeout = 3 * time.Second
	if err := a.Apply(t.Context(), systems["split"]); err == nil || !strings.Contains(err.Error(), "longer than 3s") {
		t.Errorf("got %v", err)
	}
	must(t, os.Remove("/run/fakes/resolvconf"))
	unchanged(t, before)
}

// IPv4 works where IPv6 is off.
func TestSystemWithoutIPv6(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	sh(t, "sysctl -qw net.ipv6.conf.tun9.disable_ipv6=1")
	before := network(t)
	a := bundled(t)
	must(t, a.Apply(t.Context(), systems["full"]))
	if got := tunnelled(t); !strings.Contains(got, "10.88.0.50/24") || strings.Contains(got, "8000::/1") {
		t.Error(got)
	}
	must(t, a.Apply(t.Context(), netcfg.Config{}))
	unchanged(t, before)
}

// Thousands of routes take a bounded time.
func TestSystemManyRoutes(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	before := network(t)
	a := bundled(t)
	must(t, a.Apply(t.Context(), inside(func(c *netcfg.Config) {
		c.Routes = nil
		for i := range 1000 {
			c.Routes = append(c.Routes, netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", 100+i/250, i%250)))
		}
	})))
	if n := strings.Count(sh(t, "ip route show dev tun9 proto static"), "\n"); n != 1001 {
		t.Errorf("%d routes", n)
	}
	must(t, a.Apply(t.Context(), netcfg.Config{}))
	unchanged(t, before)
}
