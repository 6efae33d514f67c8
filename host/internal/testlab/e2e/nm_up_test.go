package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// What every user does, with nothing but `make install` before it.
func TestNMUpAndDown(t *testing.T) {
	d := forNetworkManager(t)
	server := ocserv(t, d.Lab, testlab.Ocserv{})
	d.nmcli(t, "connection", "add", "type", "vpn", "con-name", corp, "vpn-type", "penstock", "ifname", "*",
		"vpn.data", d.data(stored), "vpn.secrets", password)
	d.nmcli(t, "connection", "up", corp)
	if state := d.state(t, corp); state != "activated" {
		t.Errorf("nmcli came back and the state is %q", state)
	}
	reaches(t, d.Lab, testlab.InsideV4, testlab.InsideV6)
	bothWays(t, d.Lab, testlab.InsideV4, 5_000_000)
	bothWays(t, d.Lab, testlab.InsideV6, 1_000_000)
	d.split(t)
	d.wantSettings(t)
	for _, p := range d.Client.Programs() {
		for _, file := range []string{"cmdline", "environ"} {
			if text, _ := d.Client.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Pid, file)); strings.Contains(text, testlab.Password) {
				t.Errorf("the password is in %s of %s", file, p.Command)
			}
		}
	}
	d.down(t, corp)
	d.nothingLeft(t)
	loggedOut(t, server)
	if strings.Contains(d.log(), testlab.Password) {
		t.Error("the password is in the log")
	}
}

// split wants the gateway's split routes, and no other, to lead into the tunnel.
func (d *desktop) split(t *testing.T) {
	t.Helper()
	tun := d.tunnel(t, testlab.InsideV4)
	for address, want := range map[string]string{testlab.InsideV6: tun, "10.88.0.77": tun, testlab.Beyond: "eth0", "192.0.2.1": "eth0",
		"2001:db8::1": "eth0", testlab.GatewayV4: "eth0"} {
		if device := d.Client.RouteDevice(address); device != want {
			t.Errorf("packets to %s leave by %q, want %q", address, device, want)
		}
	}
}

// wantSettings compares what NetworkManager and penstock's status say with what the
// gateway sent.
func (d *desktop) wantSettings(t *testing.T) {
	t.Helper()
	st := status(t, d.Lab)
	tun := d.tunnel(t, testlab.InsideV4)
	mtu := strings.TrimSpace(d.nmcli(t, "-g", "GENERAL.MTU", "device", "show", tun))
	if st.Interface != tun || fmt.Sprint(st.MTU) != mtu {
		t.Errorf("status says %s with MTU %d, NetworkManager %s with %s", st.Interface, st.MTU, tun, mtu)
	}
	var addresses []string
	for _, a := range st.Addresses {
		addresses = append(addresses, a.Addr().String())
	}
	shown := d.nmcli(t, "connection", "show", corp)
	for _, want := range append(addresses, testlab.InsideV4, testlab.InsideV6, "corp.test", "Welcome to the lab") {
		if !strings.Contains(shown, want) {
			t.Errorf("%q is not in what NetworkManager shows:\n%s", want, shown)
		}
	}
}

// Without split routes everything goes into the tunnel, unless the user wants none.
func TestNMFullTunnel(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{Full: true})
	d.add(t, corp, d.data(stored), password)
	d.up(t, corp)
	tun := d.tunnel(t, testlab.InsideV4)
	for address, want := range map[string]string{testlab.Beyond: tun, "192.0.2.1": tun, "2001:db8::1": tun, testlab.GatewayV4: "eth0"} {
		if device := d.Client.RouteDevice(address); device != want {
			t.Errorf("packets to %s leave by %q, want %q", address, device, want)
		}
	}
	reaches(t, d.Lab, testlab.InsideV4, testlab.InsideV6, testlab.Beyond)
	d.down(t, corp)
	d.nothingLeft(t)
	d.nmcli(t, "connection", "modify", corp, "ipv4.never-default", "yes", "ipv6.never-default", "yes", "+ipv4.routes", testlab.InsideV4+"/32")
	d.up(t, corp)
	d.tunnel(t, testlab.InsideV4)
	for address, want := range map[string]string{testlab.Beyond: "eth0", "192.0.2.1": "eth0", "2001:db8::1": "eth0"} {
		if device := d.Client.RouteDevice(address); device != want {
			t.Errorf("never-default: packets to %s leave by %q, want %q", address, device, want)
		}
	}
	reaches(t, d.Lab, testlab.InsideV4)
	d.down(t, corp)
	d.nothingLeft(t)
}

// The gateway is reached by IPv6, and everything goes there but the tunnel itself.
func TestNMOutsideIPv6(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{Full: true})
	d.add(t, corp, strings.Replace(d.data(stored), "gateway=", "gateway=v6.", 1), password)
	d.up(t, corp)
	tun := d.tunnel(t, testlab.InsideV6)
	for address, want := range map[string]string{testlab.Beyond: tun, "2001:db8::1": tun, testlab.GatewayV6: "eth0"} {
		if device := d.Client.RouteDevice(address); device != want {
			t.Errorf("packets to %s leave by %q, want %q", address, device, want)
		}
	}
	bothWays(t, d.Lab, testlab.InsideV6, 1_000_000)
	reaches(t, d.Lab, testlab.InsideV4, testlab.Beyond)
	d.down(t, corp)
	d.nothingLeft(t)
}

// Every option of the protocol works by its key, without a word of it in nm.
func TestNMCertificateLogin(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{Auth: "certificate", DTLS: "psk"})
	m := meter(t, d.Lab)
	d.add(t, corp, d.data("usercert="+d.PKI.P12("alice-ec"), "key-password-flags=0", "no-dtls=yes"), "key-password=sesame")
	d.up(t, corp)
	carried(t, d.Lab, m, "tls")
	must(t, m.Close())
	d.down(t, corp)
	d.nothingLeft(t)
}

// Two VPNs to two servers at once: what happens to one is nothing to the other.
func TestNMTwoAtOnce(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	site, err := l.AddBranch()
	must(t, err)
	ocserv(t, l, testlab.Ocserv{})
	ocserv(t, l, testlab.Ocserv{Site: site})
	d := theDesktop(t, l, testlab.NetworkManager{})
	d.add(t, corp, d.data(stored), password)
	d.add(t, branch, strings.Replace(d.data(stored), testlab.GatewayName, testlab.BranchName, 1), password)
	d.up(t, corp)
	begin := d.tunnel(t, testlab.InsideV4)
	d.up(t, branch)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6, testlab.BranchInsideV4, testlab.BranchInsideV6)
	if n := len(d.services()); n != 2 || d.tunnel(t, testlab.InsideV4) == d.tunnel(t, testlab.BranchInsideV4) {
		t.Errorf("%d services; the tunnels are %s and %s", n, d.tunnel(t, testlab.InsideV4), d.tunnel(t, testlab.BranchInsideV4))
	}
	pings, err := l.Client.Ping(testlab.InsideV4, 50*time.Millisecond)
	must(t, err)
	d.down(t, branch)
	d.up(t, branch)
	reaches(t, l, testlab.BranchInsideV4)
	d.down(t, branch)
	if sum := pings.Stop(); len(sum.Lost) > 0 || sum.Sent == 0 {
		t.Errorf("the other VPN came and went, and pings were lost: %s", sum)
	}
	if now := d.tunnel(t, testlab.InsideV4); now != begin || d.state(t, corp) != "activated" {
		t.Errorf("the tunnel was %s and is %s, state %s", begin, now, d.state(t, corp))
	}
	d.down(t, corp)
	d.nothingLeft(t)
}

// A connection can bring the VPN with it.
func TestNMSecondaries(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{})
	d.add(t, corp, d.data(stored), password)
	uuid := strings.TrimSpace(d.nmcli(t, "-g", "connection.uuid", "connection", "show", corp))
	d.nmcli(t, "connection", "modify", testlab.BaseConnection, "connection.secondaries", uuid)
	d.up(t, testlab.BaseConnection)
	d.awaitState(t, corp, "activated")
	reaches(t, d.Lab, testlab.InsideV4, testlab.InsideV6)
	d.down(t, corp)
	d.nothingLeft(t)
}

// Names of the inside are asked inside, all others outside, and none both.
func TestNMSplitDNS(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	inner, err := l.Site().StartDNS()
	must(t, err)
	outer, err := l.StartDNS()
	must(t, err)
	d := theDesktop(t, l, testlab.NetworkManager{Dnsmasq: true})
	d.add(t, corp, d.data(stored), password)
	d.up(t, corp)
	d.resolves(t, "ready.corp.test", testlab.InsideV4) // NetworkManager does not wait for its name server
	for name, want := range map[string]string{"app.corp.test": testlab.InsideV4, "x.lab.test": testlab.InsideV4, "www.example.org": testlab.Elsewhere} {
		out, err := l.Client.Run("getent", "ahostsv4", name)
		if err != nil || !strings.HasPrefix(out, want+" ") {
			t.Errorf("%s is %q, %v; want %s", name, out, err, want)
		}
		if in, out := inner.Asked(name), outer.Asked(name); in == out || out != (want == testlab.Elsewhere) {
			t.Errorf("%s: asked inside %v, outside %v", name, in, out)
		}
	}
	d.down(t, corp)
	d.nothingLeft(t)
	d.resolves(t, "app.corp.test", testlab.Elsewhere)
}

// resolves waits until a name has that address.
func (d *desktop) resolves(t *testing.T, name, address string) {
	t.Helper()
	must(t, testlab.Await(within(t, 10*time.Second), name+" to be "+address, func() bool {
		out, err := d.Client.Run("getent", "ahostsv4", name)
		return err == nil && strings.HasPrefix(out, address+" ")
	}))
}
