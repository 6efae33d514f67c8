package e2e

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// steady watches that NetworkManager keeps one activation of the connection, from
// now until its end is called.
func (d *desktop) steady(t *testing.T, name string) (end func()) {
	t.Helper()
	activation := func() string {
		return strings.TrimSpace(d.nmcli(t, "-g", "GENERAL.DBUS-PATH,GENERAL.STATE", "connection", "show", name))
	}
	before, services := activation(), d.services()
	if !strings.HasSuffix(before, "activated") || len(services) != 1 {
		t.Fatalf("before: %q, services %v", before, services)
	}
	at := len(d.log())
	return func() {
		t.Helper()
		if now := activation(); now != before {
			t.Errorf("the activation was %q and is %q", before, now)
		}
		if now := d.services(); fmt.Sprint(now) != fmt.Sprint(services) {
			t.Errorf("the service was %v and is %v", services, now)
		}
		if since := d.log()[at:]; strings.Contains(since, "starting penstock") || strings.Contains(since, "dbus: failure") {
			t.Errorf("NetworkManager lost the connection:\n%s", since)
		}
	}
}

// again waits until the inside answers, after a disturbance.
func again(t *testing.T, l *testlab.Lab, limit time.Duration) {
	t.Helper()
	pings, err := l.Client.Ping(testlab.InsideV4, 100*time.Millisecond)
	must(t, err)
	defer pings.Stop()
	select {
	case <-pings.Answered():
	case <-time.After(limit):
		t.Errorf("no answer from the inside within %s", limit)
	}
}

// The base connection goes and comes: a persistent VPN waits for it, another one ends.
func TestNMBaseDown(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{})
	d.add(t, corp, d.data(stored), password)
	d.nmcli(t, "connection", "modify", corp, "vpn.persistent", "yes")
	d.up(t, corp)
	end := d.steady(t, corp)
	d.down(t, testlab.BaseConnection)
	pause(t, 3*time.Second)
	d.up(t, testlab.BaseConnection)
	again(t, d.Lab, 15*time.Second)
	end()
	d.split(t)
	d.down(t, corp)
	d.nothingLeft(t)

	d.nmcli(t, "connection", "modify", corp, "vpn.persistent", "no")
	d.up(t, corp)
	d.down(t, testlab.BaseConnection)
	must(t, testlab.Await(within(t, 10*time.Second), "the VPN to end with its base", func() bool {
		return d.state(t, corp) == "" && len(d.services()) == 0
	}))
	d.up(t, testlab.BaseConnection)
	d.nothingLeft(t)
}

// The machine's own address changes under the VPN.
func TestNMRoaming(t *testing.T) {
	d := forNetworkManager(t)
	server := ocserv(t, d.Lab, testlab.Ocserv{})
	d.add(t, corp, d.data(stored), password)
	d.up(t, corp)
	session, err := server.Sessions()
	must(t, err)
	end := d.steady(t, corp)
	d.nmcli(t, "connection", "modify", testlab.BaseConnection, "ipv4.addresses", "10.77.0.33/24")
	d.nmcli(t, "device", "reapply", "eth0")
	again(t, d.Lab, 15*time.Second)
	must(t, testlab.Await(within(t, 15*time.Second), "the gateway to see the new address", func() bool {
		users, err := server.Occtl("show", "users")
		return err == nil && strings.Contains(users, "10.77.0.33")
	}))
	now, err := server.Sessions()
	must(t, err)
	if fmt.Sprint(now) != fmt.Sprint(session) {
		t.Errorf("sessions before %v, after %v: want the same one", session, now)
	}
	end()
	d.down(t, corp)
}

// The machine moves from one cable to another: a persistent VPN comes along.
func TestNMOtherCable(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	cable, err := l.AddCable()
	must(t, err)
	server := ocserv(t, l, testlab.Ocserv{})
	d := theDesktop(t, l, testlab.NetworkManager{})
	d.nmcli(t, "connection", "add", "type", "ethernet", "con-name", "other", "ifname", cable.Name, "ipv4.method", "manual",
		"ipv4.addresses", cable.Client+"/24", "ipv4.gateway", cable.Gateway, "ipv4.route-metric", "200", "ipv6.method", "disabled")
	d.up(t, "other")
	d.add(t, corp, d.data(stored), password)
	d.nmcli(t, "connection", "modify", corp, "vpn.persistent", "yes")
	d.up(t, corp)
	session, err := server.Sessions()
	must(t, err)
	end := d.steady(t, corp)
	d.down(t, testlab.BaseConnection)
	again(t, l, 20*time.Second)
	must(t, testlab.Await(within(t, 15*time.Second), "the gateway to see the new address", func() bool {
		users, err := server.Occtl("show", "users")
		return err == nil && strings.Contains(users, cable.Client)
	}))
	now, err := server.Sessions()
	must(t, err)
	if fmt.Sprint(now) != fmt.Sprint(session) {
		t.Errorf("sessions before %v, after %v: want the same one", session, now)
	}
	end()
	d.down(t, corp)
	d.up(t, testlab.BaseConnection)
	d.down(t, "other")
	d.nothingLeft(t, "dev "+cable.Name)
}

// A gateway that is away for a while is waited for, be it that it still knows the
// session or that it has to be logged in again.
func TestNMGatewayComesBack(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, restart := range map[string]func(*testing.T, *testlab.Lab, *testlab.Server){
		"with its sessions": func(t *testing.T, l *testlab.Lab, server *testlab.Server) {
			away, err := l.Refuse(443)
			must(t, err)
			must(t, server.KillWorkers())
			pause(t, 5*time.Second)
			must(t, away.Lift())
		},
		"without": restart,
	} {
		t.Run(name, func(t *testing.T) {
			d := forNetworkManager(t)
			server := ocserv(t, d.Lab, testlab.Ocserv{DPD: 5})
			d.add(t, corp, d.data(stored), password)
			d.up(t, corp)
			end := d.steady(t, corp)
			restart(t, d.Lab, server)
			again(t, d.Lab, 30*time.Second)
			status(t, d.Lab)
			end()
			reaches(t, d.Lab, testlab.InsideV4, testlab.InsideV6)
			d.down(t, corp)
			d.nothingLeft(t)
		})
	}
}

// vpnServiceStopped is NetworkManager's signal that a VPN is disconnected (7), or has
// failed (6), because its service stopped (4).
var vpnServiceStopped = regexp.MustCompile(`uint32 [67]\s+uint32 4\s`)

// A killed service is reported by NetworkManager and leaves nothing but its own
// notes, which the next one reads and removes.
func TestNMServiceKilled(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{})
	d.add(t, corp, d.data(stored), password)
	d.up(t, corp)
	monitor, err := d.Client.Start(testlab.Command{Args: []string{"/usr/bin/dbus-monitor", "--system",
		"interface='org.freedesktop.NetworkManager.VPN.Connection',member='VpnStateChanged'"}})
	must(t, err)
	must(t, monitor.Expect(within(t, 20*time.Second), regexp.MustCompile(`NameLost`)))
	for _, p := range d.services() {
		must(t, d.Client.Kill("KILL", p.Pid))
	}
	if err := monitor.Expect(within(t, 10*time.Second), vpnServiceStopped); err != nil {
		t.Error(err)
	}
	_, err = monitor.Stop(syscall.SIGTERM, 5*time.Second)
	must(t, err)
	d.nothingLeft(t, "/run/penstock/")
	d.up(t, corp)
	reaches(t, d.Lab, testlab.InsideV4, testlab.InsideV6)
	d.down(t, corp)
	d.nothingLeft(t)
}

// The service ends with NetworkManager, however that ends.
func TestNMDaemonEnds(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "stopped": syscall.SIGTERM} {
		t.Run(name, func(t *testing.T) {
			d := forNetworkManager(t)
			server := ocserv(t, d.Lab, testlab.Ocserv{})
			d.add(t, corp, d.data(stored), password)
			d.up(t, corp)
			_, err := d.nm.Stop(signal, 10*time.Second)
			must(t, err)
			must(t, testlab.Await(within(t, 10*time.Second), "the service and its tunnel to end", func() bool {
				return len(d.services()) == 0 && len(d.Client.Tunnels()) == 0
			}))
			loggedOut(t, server)
			must(t, d.nm.Start())
			d.up(t, corp)
			reaches(t, d.Lab, testlab.InsideV4, testlab.InsideV6)
			d.down(t, corp)
			d.nothingLeft(t)
		})
	}
}

// rounds is how often TestNMRounds goes up and down.
const rounds = 50

// Nothing grows: no file of NetworkManager's or the bus's, no process, device, route
// or name.
func TestNMRounds(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{})
	d.add(t, corp, d.data(stored), password)
	files := func() int {
		n := 0
		for _, pid := range []int{d.nm.Pid(), d.nm.Bus.Pid()} {
			list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
			must(t, err)
			n += len(list)
		}
		return n
	}
	round := func() {
		d.up(t, corp)
		d.down(t, corp)
	}
	round()
	d.nothingLeft(t)
	open := files()
	for range rounds {
		round()
	}
	d.nothingLeft(t)
	err := testlab.Await(within(t, 10*time.Second), "the files to be closed", func() bool { return files() <= open })
	if err != nil {
		t.Errorf("%v: %d open files of NetworkManager and the bus after the first round, %d now", err, open, files())
	}
}
