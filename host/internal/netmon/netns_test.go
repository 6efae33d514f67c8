package netmon

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

const namespaced = "NETMON_TEST_NAMESPACE"

// inNamespace runs the calling test again in a network namespace of its own; in
// there it returns true. The gateway is 192.0.2.1 and 2001:db8::1 behind eth0.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(namespaced) != "" {
		ip(t, "link set lo up", "link add eth0 type veth peer name eth1", "link set eth0 up", "link set eth1 up",
			"addr add 10.1.0.2/24 dev eth0", "route add default via 10.1.0.1",
			"addr add fd01::2/64 dev eth0 nodad", "route add default via fd01::1 dev eth0")
		return true
	}
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("needs root")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), namespaced+"=1", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// ip runs commands of ip(8) in one process, so that none falls between two looks.
func ip(t *testing.T, commands ...string) {
	t.Helper()
	cmd := exec.Command("ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ip %q: %v %s", commands, err, out)
	}
}

func gateway(s string) func() netip.Addr {
	a := netip.MustParseAddr(s)
	return func() netip.Addr { return a }
}

// hasty keeps the tests short.
var hasty = pace{quiet: 150 * time.Millisecond, patience: 5 * time.Second}

func tun0() string { return "tun0" }

// awaitEvent is the event that the commands cause.
func awaitEvent(t *testing.T, out <-chan Event, want Event, commands ...string) {
	t.Helper()
	ip(t, commands...)
	select {
	case e := <-out:
		if e != want {
			t.Errorf("%q gave %v, want %v", commands, e, want)
		}
	case <-time.After(time.Minute):
		t.Fatalf("%q gave nothing, want %v", commands, want)
	}
}

func TestWatchNetwork(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ip(t, "route del default via fd01::1 dev eth0") // one default route, for those who know no gateway
	for _, g := range []func() netip.Addr{gateway("192.0.2.1"), nil} {
		out, err := hasty.watch(t.Context(), tun0, g)
		if err != nil {
			t.Fatal(err)
		}
		awaitEvent(t, out, Changed, "route replace default via 10.1.0.254")
		awaitEvent(t, out, Lost, "route del default")
		awaitEvent(t, out, Changed, "route add default via 10.1.0.1")
		awaitEvent(t, out, Lost, "link set eth1 down")
		awaitEvent(t, out, Changed, "link set eth1 up")
		awaitEvent(t, out, Changed, "link set eth0 down", "link set eth0 up", "route add default via 10.1.0.1")
		awaitEvent(t, out, Lost, "link set eth0 down")
		awaitEvent(t, out, Changed, "link set eth0 up", "route add default via 10.1.0.1")
		awaitEvent(t, out, Changed, "addr add 10.1.0.3/24 dev eth0")
		ip(t, "addr del 10.1.0.3/24 dev eth0")
	}
}

func TestWatchNetwork6(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	out, err := hasty.watch(t.Context(), nil, gateway("2001:db8::1"))
	if err != nil {
		t.Fatal(err)
	}
	awaitEvent(t, out, Lost, "route del default via fd01::1 dev eth0")
	awaitEvent(t, out, Changed, "route add default via fd01::9 dev eth0")
	awaitEvent(t, out, Lost, "link set eth0 down")
}

// What belongs to the tunnel is no change: its device, the routes into it, and the
// routes that keep the gateway outside.
func TestTunnelDoesNotCount(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	for _, target := range []string{"192.0.2.1", "2001:db8::1"} {
		o := &observer{tunnel: tun0, gateway: gateway(target)}
		before := o.look()
		if !before.exists() {
			t.Fatalf("no way to %s", target)
		}
		ip(t, "tuntap add tun0 mode tun", "link set tun0 up", "addr add 10.9.0.1/24 dev tun0", "addr add fd09::1/64 dev tun0 nodad",
			"route add 0.0.0.0/1 dev tun0", "route add 128.0.0.0/1 dev tun0", "route add ::/1 dev tun0", "route add 2001:db8::/32 dev tun0",
			"route add 192.0.2.1 via 10.1.0.1", "route add unreachable 192.0.2.1 metric 4000000000",
			"route add 2001:db8::1 via fd01::1 dev eth0 metric 4", "route add unreachable 2001:db8::1 metric 4000000000")
		if now := o.look(); now != before {
			t.Errorf("to %s: %+v became %+v", target, before, now)
		}
		ip(t, "route del default via 10.1.0.1", "route del default via fd01::1 dev eth0")
		if now := o.look(); now.exists() {
			t.Errorf("to %s: the pinned route counts: %+v", target, now)
		}
		ip(t, "link del tun0", "route del 192.0.2.1 via 10.1.0.1", "route del unreachable 192.0.2.1", "route del 2001:db8::1 via fd01::1 dev eth0", "route del unreachable 2001:db8::1", "route add default via 10.1.0.1", "route add default via fd01::1 dev eth0")
	}
}

// A route for the gateway alone is the way when there never was another.
func TestOnlyAHostRoute(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ip(t, "route del default", "route add 192.0.2.1 via 10.1.0.1")
	o := &observer{gateway: gateway("192.0.2.1")}
	if now := o.look(); !now.exists() {
		t.Error("a host route is no way")
	}
	ip(t, "route del 192.0.2.1")
	if now := o.look(); now.exists() {
		t.Errorf("no route is a way: %+v", now)
	}
	ip(t, "route add default nexthop via 10.1.0.1 nexthop via 10.1.0.7")
	if now := o.look(); !now.exists() || !strings.Contains(now.hop, "10.1.0.1") {
		t.Errorf("a route over two hops: %+v", now)
	}
}

func TestPrefersAsTheKernel(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	o := &observer{gateway: gateway("192.0.2.1")}
	ip(t, "route add default via 10.1.0.8 metric 50", "route add default via 10.1.0.9 metric 500")
	if now := o.look(); !strings.Contains(now.hop, "10.1.0.1 ") {
		t.Errorf("the least metric: %+v", now)
	}
	ip(t, "route add 192.0.2.0/24 via 10.1.0.9 metric 500")
	if now := o.look(); !strings.Contains(now.hop, "10.1.0.9 ") {
		t.Errorf("the longest prefix: %+v", now)
	}
}
