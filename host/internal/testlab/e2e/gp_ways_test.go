package e2e

import (
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// The tests of files gp_*: our client of GlobalProtect, with the gateway that
// openconnect believes.

// gpUp brings our client up.
func gpUp(t *testing.T, l *testlab.Lab, s testlab.Spec) *testlab.Connection {
	t.Helper()
	needPenstock(t)
	s.Extra = append([]string{"--verbose"}, s.Extra...)
	return connect(t, l, s)
}

// gpOver waits until packets go over a transport: "esp" or "tls".
func gpOver(t *testing.T, l *testlab.Lab, transport string, limit time.Duration) {
	t.Helper()
	_, err := penstock.AwaitStatus(within(t, limit), l, "the transport "+transport, func(s testlab.Status) bool { return s.Transport == transport })
	must(t, err)
}

// gpLoggedOut wants the gateway to have been told.
func gpLoggedOut(t *testing.T, g *gpgate.Gate) {
	t.Helper()
	_, err := g.Await(within(t, 20*time.Second), gpgate.Logout, 1)
	must(t, err)
}

// Portal, then gateway: ESP, both families, and nothing is left behind.
func TestGPOverESP(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	before := snapshot(t, l)
	c := gpUp(t, l, gpAlice())
	gpOver(t, l, "esp", 5*time.Second)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	bothWays(t, l, testlab.InsideV4, large)
	bothWays(t, l, testlab.InsideV6, large/10)
	disconnect(t, c)
	unchanged(t, l, before)
	gpLoggedOut(t, g)
}

// The same over TLS, by choice, because nothing else gets through, and because the
// gateway has nothing else.
func TestGPOverTLS(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"no-dtls", "ESP is blocked", "no ESP"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			l, g := gpGate(t, gpgate.Config{ESP: gpgate.ESP{Off: way == "no ESP"}})
			s := gpAlice("--usergroup", "gateway")
			s.NoDTLS = way == "no-dtls"
			size := int64(large / 10)
			if way == "no-dtls" {
				size = large
			}
			if way == "ESP is blocked" {
				_, err := l.DropUDP(gpgate.ESPPort)
				must(t, err)
			}
			before := snapshot(t, l)
			c := gpUp(t, l, s)
			gpOver(t, l, "tls", 5*time.Second)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			bothWays(t, l, testlab.InsideV4, size)
			bothWays(t, l, testlab.InsideV6, large/10)
			disconnect(t, c)
			unchanged(t, l, before)
			gpLoggedOut(t, g)
		})
	}
}
