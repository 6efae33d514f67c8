package nm

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

var update = flag.Bool("update", false, "write the golden files anew")

func prefixes(all ...string) (out []netip.Prefix) {
	for _, s := range all {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

func addresses(all ...string) (out []netip.Addr) {
	for _, s := range all {
		out = append(out, netip.MustParseAddr(s))
	}
	return out
}

func base() netcfg.Config {
	return netcfg.Config{Interface: "penstock0", Gateway: netip.MustParseAddr("10.99.0.1"), MTU: 1334, Addresses: prefixes("10.88.0.7/24")}
}

func with(change func(*netcfg.Config)) netcfg.Config {
	c := base()
	change(&c)
	return c
}

// goldens are settings as gateways give them, by the name of the golden file.
var goldens = map[string]netcfg.Config{
	"full": with(func(c *netcfg.Config) {
		c.Addresses = prefixes("10.88.0.7/24", "fd88::7/64")
		c.Routes = prefixes("0.0.0.0/0", "::/0")
		c.DNS, c.Search = addresses("10.99.0.53", "fd99::53"), []string{"corp.test"}
		c.Banner, c.ProxyPAC = "Welcome", "http://proxy.corp.test/proxy.pac"
		c.NBNS = addresses("10.99.0.54")
	}),
	"split": with(func(c *netcfg.Config) {
		c.Routes = prefixes("10.99.0.0/16", "192.168.7.1/24")
		c.DNS, c.Search, c.SplitDNS = addresses("10.99.0.53"), []string{"corp.test"}, []string{"corp.test", "internal.test"}
	}),
	"split-no-domains": with(func(c *netcfg.Config) {
		c.Routes, c.DNS = prefixes("10.99.0.0/16"), addresses("10.99.0.53")
	}),
	"excludes": with(func(c *netcfg.Config) {
		c.Routes, c.Excludes, c.DNS = prefixes("0.0.0.0/0", "fd99::/48"), prefixes("192.168.0.0/16", "fd99:0:0:1::/64"), addresses("10.99.0.53")
		c.Addresses = prefixes("10.88.0.7/32", "fd88::7/128")
	}),
	"ipv6-only": with(func(c *netcfg.Config) {
		c.Gateway, c.Addresses, c.Routes, c.DNS = netip.MustParseAddr("fd77::1"), prefixes("fd88::7/128"), prefixes("::/0"), addresses("fd99::53", "10.99.0.53")
	}),
	"addresses-alone": base(),
}

func TestDictionariesAreGolden(t *testing.T) {
	for name, c := range goldens {
		var b strings.Builder
		a := &applier{log: slog.New(slog.DiscardHandler), started: func() { b.WriteString("started\n") }, emit: func(signal string, values ...any) {
			write(&b, signal, values[0])
		}}
		if err := a.Apply(context.Background(), c); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".golden")
		if *update {
			if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("%s is now\n%s", file, b.String())
		}
	}
}

// write gives a signal in lines, with the types.
func write(b *strings.Builder, signal string, value any) {
	d, ok := value.(dictionary)
	if !ok {
		fmt.Fprintf(b, "%s %q\n", signal, value)
		return
	}
	fmt.Fprintln(b, signal)
	for _, key := range slices.Sorted(maps.Keys(d)) {
		fmt.Fprintf(b, "  %s %s %s\n", key, d[key].Signature(), d[key])
	}
}

func TestTheUserWantsNoDefaultRoute(t *testing.T) {
	d := ip4(goldens["full"], true)
	if d["never-default"].Value() != true || len(d["routes"].Value().([][]uint32)) != 0 {
		t.Errorf("got %v", d)
	}
	if d := ip4(goldens["excludes"], true); len(d["routes"].Value().([][]uint32)) != 0 {
		t.Errorf("a default route with a hole is still one: %v", d["routes"])
	}
}

func TestZeroSettingsNeedNoSignal(t *testing.T) {
	a := &applier{emit: func(string, ...any) { t.Error("a signal") }, started: func() { t.Error("started") }}
	if err := a.Apply(context.Background(), netcfg.Config{}); err != nil {
		t.Error(err)
	}
}

// What is cut out is out, and everything else is still in.
func TestWithout(t *testing.T) {
	from, holes := prefixes("10.0.0.0/8", "fd00::/16"), prefixes("10.1.2.0/24", "10.9.9.9/32", "fd00:1::/32", "10.0.0.0/8", "11.0.0.0/8")
	for _, hole := range holes {
		out := without(from, hole)
		for range 1000 {
			a := random(from[rand.IntN(len(from))])
			if rand.IntN(2) == 0 && hole.Bits() >= 16 {
				a = random(hole)
			}
			in := slices.ContainsFunc(out, func(p netip.Prefix) bool { return p.Contains(a) })
			was := slices.ContainsFunc(from, func(p netip.Prefix) bool { return p.Contains(a) })
			if want := was && !hole.Contains(a); in != want {
				t.Fatalf("%v without %v: %v is in: %v", from, hole, a, in)
			}
		}
	}
}

func random(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for i := p.Bits(); i < len(b)*8; i++ {
		b[i/8] |= byte(rand.IntN(2)) << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}

func TestRoutesAreBounded(t *testing.T) {
	c := base()
	c.Routes = prefixes("0.0.0.0/0")
	for i := range 300 {
		c.Excludes = append(c.Excludes, netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i), byte(i * 7), 1}), 32))
	}
	if n := len(ip4(c, false)["routes"].Value().([][]uint32)); n != maxRoutes {
		t.Errorf("%d routes, want %d", n, maxRoutes)
	}
}
