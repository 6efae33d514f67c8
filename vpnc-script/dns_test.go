package vpncscript

import (
	"os"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// resolved has the sandbox look like one with systemd-resolved.
func resolved(t *testing.T) {
	t.Helper()
	must(t, os.MkdirAll("/run/systemd/resolve", 0o755))
	writeFile(t, "/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n")
	must(t, os.Remove("/etc/resolv.conf"))
	must(t, os.Symlink("../run/systemd/resolve/stub-resolv.conf", "/etc/resolv.conf"))
	fake(t, "resolvectl", "")
}

var dnsCases = map[string]netcfg.Config{
	"all": inside(func(*netcfg.Config) {}),
	"split": inside(func(c *netcfg.Config) {
		c.SplitDNS = []string{"corp.test", "10.in-addr.arpa"}
	}),
	"no-names":   inside(func(c *netcfg.Config) { c.Search = nil }),
	"no-servers": inside(func(c *netcfg.Config) { c.DNS = nil }),
}

// up brings one tunnel up and down and returns what was called and left.
func up(t *testing.T, c netcfg.Config) string {
	t.Helper()
	a := bundled(t)
	must(t, a.Apply(t.Context(), c))
	file := readFile(t, "/etc/resolv.conf")
	must(t, a.Apply(t.Context(), netcfg.Config{}))
	return calls(t) + "\n" + file
}

func TestResolved(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	resolved(t)
	before := network(t)
	for name, c := range dnsCases {
		goldenText(t, "resolved-"+name, up(t, c))
		unchanged(t, before)
	}
}

// A machine where resolved runs, but is not asked, is one without.
func TestResolvedNotInUse(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	fake(t, "resolvectl", "")
	got := up(t, dnsCases["all"])
	if strings.Contains(got, "resolvectl dns") || !strings.Contains(got, "nameserver 10.99.0.1") {
		t.Error(got)
	}
	writeFile(t, "/etc/nsswitch.conf", "hosts: files resolve [!UNAVAIL=return] dns\n")
	if got := up(t, dnsCases["all"]); !strings.Contains(got, "resolvectl dns tun9 10.99.0.1 fd99::1\n") {
		t.Error(got)
	}
	fake(t, "resolvectl", `[ "$1" != status ]`) // installed, not running
	if got := up(t, dnsCases["all"]); strings.Contains(got, "resolvectl dns") {
		t.Error(got)
	}
}

func TestResolvconf(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	fake(t, "resolvconf", `[ "$1" != -a ] || cat >>/run/calls`)
	before := network(t)
	for name, c := range dnsCases {
		goldenText(t, "resolvconf-"+name, up(t, c))
		unchanged(t, before)
	}
	sh(t, "ip link add penstock0 type veth peer name other")
	if got := up(t, with(dnsCases["all"], func(c *netcfg.Config) { c.Interface = "penstock0" })); !strings.Contains(got, "resolvconf -a tun0.penstock0\n") || !strings.Contains(got, "resolvconf -d tun0.penstock0\n") {
		t.Error(got)
	}
	must(t, os.Remove("/run/fakes/resolvconf"))
	fake(t, "resolvectl", "")
	must(t, os.Symlink("resolvectl", "/run/fakes/resolvconf")) // systemd's, which is not one
	if got := up(t, dnsCases["all"]); strings.Contains(got, "resolvconf -a") {
		t.Error(got)
	}
}

func TestResolvFile(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	before := network(t)
	for name, c := range dnsCases {
		goldenText(t, "file-"+name, up(t, c))
		unchanged(t, before)
	}
	for name, make := range map[string]string{
		"link":          "mkdir -p /run/nm; echo nameserver 9.9.9.9 >/run/nm/resolv.conf; ln -s ../run/nm/resolv.conf /etc/resolv.conf",
		"dangling link": "ln -s /run/nowhere /etc/resolv.conf",
		"none":          "true",
		"odd mode":      "echo nameserver 9.9.9.9 >/etc/resolv.conf; chmod 755 /etc/resolv.conf",
		"mount":         "echo nameserver 8.8.8.8 >/run/mine; touch /etc/resolv.conf; mount --bind /run/mine /etc/resolv.conf",
	} {
		sh(t, "umount /etc/resolv.conf 2>/dev/null || :; rm -f /etc/resolv.conf; "+make)
		before := network(t)
		if got := up(t, dnsCases["all"]); !strings.Contains(got, "# penstock 77-tun9") {
			t.Errorf("%s: %s", name, got)
		}
		unchanged(t, before)
	}
}

// Who writes the file while the tunnel is up keeps what was written.
func TestResolvFileOfAnother(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	a := bundled(t)
	must(t, a.Apply(t.Context(), dnsCases["all"]))
	sh(t, "echo nameserver 1.1.1.1 >/run/new; mv /run/new /etc/resolv.conf")
	before := sh(t, "cat /etc/resolv.conf")
	must(t, a.Apply(t.Context(), netcfg.Config{}))
	if got := sh(t, "cat /etc/resolv.conf; find /run/penstock -name '*.resolv'"); got != before {
		t.Errorf("got %s", got)
	}
}

// A file system that cannot be written costs DNS, not the tunnel.
func TestResolvFileReadOnly(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	sh(t, "mount -o remount,ro,bind /etc")
	before := network(t)
	got := up(t, dnsCases["all"])
	if !strings.Contains(got, "made by hand") {
		t.Error(got)
	}
	unchanged(t, before)
}

// Two tunnels, ended in either order, give back the file that was there before both.
func TestResolvFileOfTwo(t *testing.T) {
	if !inSandbox(t) {
		return
	}
	sh(t, "ip tuntap add tun8 mode tun; sysctl -qw net.ipv6.conf.tun8.addr_gen_mode=1; ip link set tun8 up mtu 1390; ip link set tun8 down")
	before := network(t)
	first, second := inside(func(*netcfg.Config) {}), inside(func(c *netcfg.Config) {
		c.Interface, c.DNS = "tun8", addrs("10.99.0.8")
		c.Addresses = prefixes("10.77.7.7/24")
	})
	for _, firstEndsFirst := range []bool{true, false} {
		a, b := bundled(t), New(Options{PID: 78, Logger: testLogger(t)})
		must(t, a.Apply(t.Context(), first))
		must(t, b.Apply(t.Context(), second))
		if got := readFile(t, "/etc/resolv.conf"); !strings.Contains(got, "10.99.0.8") {
			t.Error(got)
		}
		if !firstEndsFirst {
			a, b = b, a
		}
		must(t, a.Apply(t.Context(), netcfg.Config{}))
		left := "10.99.0.8"
		if !firstEndsFirst {
			left = "10.99.0.1"
		}
		if got := network(t); !strings.Contains(got, "nameserver "+left) || !strings.Contains(got, "192.0.2.1 via 10.1.0.1 dev eth0 proto 223") {
			t.Errorf("after one ended: %s", got)
		}
		must(t, b.Apply(t.Context(), netcfg.Config{}))
		unchanged(t, before)
	}
}
