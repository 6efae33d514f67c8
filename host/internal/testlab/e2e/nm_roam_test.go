package e2e

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// away is a desktop with a VPN to a gateway behind a router. The gateway looks often
// whether its clients are there.
func away(t *testing.T, full bool, persistent string) (*desktop, *testlab.Server) {
	t.Helper()
	l := lab(t)
	site, err := l.AddBranch()
	must(t, err)
	server := ocserv(t, l, testlab.Ocserv{Site: site, Full: full, DPD: 5})
	d := theDesktop(t, l, testlab.NetworkManager{})
	d.add(t, corp, strings.Replace(d.data(stored), testlab.GatewayName, testlab.BranchName, 1), password)
	d.nmcli(t, "connection", "modify", corp, "vpn.persistent", persistent)
	return d, server
}

// branchAgain waits until the inside answers, after a disturbance.
func (d *desktop) branchAgain(t *testing.T, limit time.Duration) {
	t.Helper()
	pings, err := d.Client.Ping(testlab.BranchInsideV4, 100*time.Millisecond)
	must(t, err)
	defer pings.Stop()
	select {
	case <-pings.Answered():
	case <-time.After(limit):
		routes, _ := d.Client.Run("/usr/sbin/ip", "route") // for whoever reads it
		t.Errorf("no answer from the inside within %s; routes:\n%s", limit, routes)
	}
}

// kinds are a VPN that takes everything and one that does not.
var kinds = map[string]bool{"full": true, "split": false}

// The same device, in another network: a persistent VPN comes along, there and back.
// NetworkManager keeps its route to the gateway by the router of the former network.
func TestNMOtherNetwork(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, full := range kinds {
		t.Run(name, func(t *testing.T) {
			d, server := away(t, full, "yes")
			d.addWork(t)
			d.up(t, corp)
			session, err := server.Sessions()
			must(t, err)
			end := d.steady(t, corp)
			must(t, d.Move(testlab.Home, testlab.Work))
			d.up(t, work)
			d.branchAgain(t, 15*time.Second)
			must(t, testlab.Await(within(t, 15*time.Second), "the gateway to see the new address", func() bool {
				users, err := server.Occtl("show", "users")
				return err == nil && strings.Contains(users, testlab.Work.Client)
			}))
			must(t, d.Move(testlab.Work, testlab.Home))
			d.up(t, testlab.BaseConnection)
			d.branchAgain(t, 15*time.Second)
			now, err := server.Sessions()
			must(t, err)
			if !slices.Equal(now, session) {
				t.Errorf("sessions before %v, after %v: want the same one", session, now)
			}
			end()
			d.down(t, corp)
			d.nothingLeft(t)
		})
	}
}

const work = "work"

// addWork adds the connection for the other network.
func (d *desktop) addWork(t *testing.T) {
	t.Helper()
	d.nmcli(t, "connection", "add", "type", "ethernet", "con-name", work, "ifname", "eth0", "ipv4.method", "manual",
		"ipv4.addresses", testlab.Work.Client+"/24", "ipv4.gateway", testlab.Work.Router, "ipv4.route-metric", "100", "ipv6.method", "disabled")
}

// One that is not persistent ends with the network that it began in.
func TestNMOtherNetworkEnds(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	d, _ := away(t, true, "no")
	d.addWork(t)
	d.up(t, corp)
	d.up(t, work)
	d.awaitEnd(t)
	d.up(t, testlab.BaseConnection)
	d.nothingLeft(t)
}

// awaitEnd waits for the end of the VPN and its service.
func (d *desktop) awaitEnd(t *testing.T) {
	t.Helper()
	must(t, testlab.Await(within(t, 10*time.Second), "the VPN to end", func() bool {
		return d.state(t, corp) == "" && len(d.services()) == 0
	}))
}

// The route that keeps the gateway outside the tunnel goes missing: then all routes
// lead into the tunnel, and the host finds its way around it.
func TestNMGatewayRouteMissing(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	d, server := away(t, true, "yes")
	d.up(t, corp)
	session, err := server.Sessions()
	must(t, err)
	tun := d.tunnel(t, testlab.Beyond)
	end := d.steady(t, corp)
	remove := func() {
		t.Helper()
		if d.Client.RouteDevice(testlab.BranchV4) == "eth0" {
			_, err := d.Client.Run("/usr/sbin/ip", "route", "del", testlab.BranchV4)
			must(t, err)
		}
		if device := d.Client.RouteDevice(testlab.BranchV4); device != tun {
			t.Fatalf("packets to the gateway leave by %q, want %q", device, tun)
		}
	}
	remove()
	pause(t, 12*time.Second) // what there is cannot go on
	d.branchAgain(t, 20*time.Second)
	for _, after := range []func(){func() {}, remove} {
		d.down(t, testlab.BaseConnection)
		pause(t, 3*time.Second)
		d.up(t, testlab.BaseConnection)
		after()
		d.branchAgain(t, 15*time.Second)
	}
	now, err := server.Sessions()
	must(t, err)
	if !slices.Equal(now, session) {
		t.Errorf("sessions before %v, after %v: want the same one", session, now)
	}
	end()
	d.down(t, corp)
	d.nothingLeft(t)
}

// While the way is looked for there is no route to the gateway, and none in its place.
func TestNMRouteWhileReconnecting(t *testing.T) {
	d := forNetworkManager(t)
	server := ocserv(t, d.Lab, testlab.Ocserv{Full: true, DPD: 5})
	d.add(t, corp, d.data(stored), password)
	d.up(t, corp)
	before := d.routes(t)
	own := slices.IndexFunc(before, func(route string) bool { return strings.HasPrefix(route, testlab.GatewayV4+" ") })
	if own < 0 {
		t.Fatalf("the gateway has no route: %q", before)
	}
	gone, err := d.Refuse(443)
	must(t, err)
	must(t, server.KillWorkers())
	d.awaitRoutes(t, slices.Delete(slices.Clone(before), own, own+1))
	must(t, gone.Lift())
	d.awaitRoutes(t, before)
	again(t, d.Lab, 15*time.Second)
	d.down(t, corp)
	d.nothingLeft(t)
}

// routes are those of the main table.
func (d *desktop) routes(t *testing.T) []string {
	t.Helper()
	v4, err := d.Client.Run("/usr/sbin/ip", "route")
	must(t, err)
	v6, err := d.Client.Run("/usr/sbin/ip", "-6", "route")
	must(t, err)
	all := strings.Split(v4+v6, "\n")
	slices.Sort(all)
	return all
}

func (d *desktop) awaitRoutes(t *testing.T, want []string) {
	t.Helper()
	err := testlab.Await(within(t, 20*time.Second), "the routes", func() bool { return slices.Equal(d.routes(t), want) })
	if err != nil {
		t.Errorf("%v: %q, want %q", err, d.routes(t), want)
	}
}
