package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// The tests of files gpgate_*: the lab's GlobalProtect portal and gateway is believed by
// openconnect, before any other client is measured against it.

// gpGate builds a lab with a GlobalProtect gateway in it, whose routes are all in one
// list: openconnect 9.01 leaves out of the tunnel what access-routes-v6 has.
func gpGate(t *testing.T, c gpgate.Config) (*testlab.Lab, *gpgate.Gate) {
	t.Helper()
	l := lab(t)
	return l, gpGateOf(t, l, c)
}

func gpGateOf(t *testing.T, l *testlab.Lab, c gpgate.Config) *gpgate.Gate {
	t.Helper()
	if c.Network.Routes6 == nil {
		c.Network.Routes, c.Network.Routes6 = append(c.Network.Routes, testlab.InsideV4+"/32", testlab.InsideV6+"/64"), []string{}
	}
	g, err := gpgate.Start(l, c)
	must(t, err)
	return g
}

// gpAlice is the plain user, at the gateway unless extra says otherwise.
func gpAlice(extra ...string) testlab.Spec {
	return testlab.Spec{Protocol: "globalprotect", Username: testlab.User, Answers: []string{testlab.Password}, Extra: extra}
}

// gpConnect brings openconnect up.
func gpConnect(t *testing.T, l *testlab.Lab, s testlab.Spec) *testlab.Connection {
	t.Helper()
	c, err := l.Connect(within(t, 40*time.Second), testlab.Openconnect{}, s)
	must(t, err)
	return c
}

// gpPath wants the tunnel to use a transport: "esp" or "tls".
func gpPath(t *testing.T, l *testlab.Lab, want string, inside string) {
	t.Helper()
	esp, err := l.Client.NewMeter(gpgate.ESPPort)
	must(t, err)
	bothWays(t, l, inside, 5_000_000)
	w := read(t, esp)
	must(t, esp.Close())
	if used := w.UDP > 10_000_000; used != (want == "esp") {
		t.Errorf("%d bytes went over UDP, want the traffic over %s", w.UDP, want)
	}
}

// gpSaid wants words in what the client wrote.
func gpSaid(t *testing.T, c *testlab.Connection, words ...string) {
	t.Helper()
	for _, w := range words {
		if !strings.Contains(c.Output(), w) {
			t.Errorf("openconnect did not say %q:\n%s", w, c.Tail(20))
		}
	}
}

// Portal, then gateway: ESP, both families, logout with the fields that end the session.
func TestGPGateESP(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	before := snapshot(t, l)
	c := gpConnect(t, l, gpAlice("--verbose"))
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	gpPath(t, l, "esp", testlab.InsideV4)
	gpPath(t, l, "esp", testlab.InsideV6)
	disconnect(t, c)
	gpSaid(t, c, "ESP tunnel connected", "Logout successful")
	_, err := g.Await(within(t, 20*time.Second), gpgate.Logout, 1)
	must(t, err)
	debians := []string{"+ file: /run/vpnc d---------"}
	for _, line := range before.Diff(snapshot(t, l)) {
		if line != debians[0] {
			t.Errorf("left behind: %s", line)
		}
	}
}

// The same over the TLS tunnel, by choice and because nothing else gets through.
func TestGPGateTLS(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"--no-dtls", "ESP is blocked", "no ESP"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			l, g := gpGate(t, gpgate.Config{ESP: gpgate.ESP{Off: way == "no ESP"}})
			s := gpAlice("--verbose", "--usergroup=gateway")
			s.NoDTLS = way == "--no-dtls"
			if way == "ESP is blocked" {
				_, err := l.DropUDP(gpgate.ESPPort)
				must(t, err)
			}
			c := gpConnect(t, l, s)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			gpPath(t, l, "tls", testlab.InsideV4)
			gpPath(t, l, "tls", testlab.InsideV6)
			disconnect(t, c)
			gpSaid(t, c, "Logout successful")
			_, err := g.Await(within(t, 20*time.Second), gpgate.Logout, 1)
			must(t, err)
		})
	}
}

// gpRoams has a NAT give the client another port for ESP, and waits until the gateway
// has followed.
func gpRoams(t *testing.T, l *testlab.Lab, g *gpgate.Gate) {
	t.Helper()
	must(t, l.Client.Nft(fmt.Sprintf(`table ip roam {
	chain out {
		type nat hook postrouting priority 100
		udp dport %d snat to %s:40000
	}
}`, gpgate.ESPPort, testlab.ClientV4)))
	ping, err := l.Client.Ping(testlab.InsideV4, 50*time.Millisecond)
	must(t, err)
	defer ping.Stop()
	bound, err := g.Await(within(t, 10*time.Second), gpgate.Bound, 2)
	must(t, err)
	if bound.Note != testlab.ClientV4+":40000" {
		t.Errorf("bound to %s", bound.Note)
	}
}
