//go:build long

package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// SoftEther carries some 110 Mb/s of L2TP: 200 MB take half a minute, and the keys change
// meanwhile.
func TestLongL2TPTransfers(t *testing.T) {
	l := lab(t)
	server := softether(t, l)
	before := snapshot(t, l)
	c := connectL2TP(t, l, testlab.GatewayName, l2tpAnswers(), "--esp-lifetime", "10s", "--ike-lifetime", "20s", "--dump-http")
	bothWays(t, l, testlab.InsideV4, large)
	for exchange, least := range map[string]int{"<-- quick mode": 3, "--> main mode": 6} {
		if n := strings.Count(c.Output(), exchange); n < least {
			t.Errorf("%d times %q, want %d at least", n, exchange, least)
		}
	}
	disconnect(t, c)
	unchanged(t, l, before)
	sessions(t, server, 0)
}

// strongSwan, whose ESP is in user space here, with new keys by both sides.
func TestLongCiscoTransfers(t *testing.T) {
	l := lab(t)
	s := aggressive()
	s.ChildRekey = 8
	server := strongswan(t, l, s)
	before := snapshot(t, l)
	c := connectCisco(t, l, groupAnswers(), byGroup("--esp-lifetime", "14s", "--ike-lifetime", "30s")...)
	f := start(t, l, 30*time.Second)
	bothWays(t, l, testlab.InsideV4, large)
	f.finish(t)
	if n := strings.Count(server.Output(), "CHILD_SA lab{"); n < 3 {
		t.Errorf("%d new SAs, want 3 at least", n)
	}
	disconnect(t, c)
	unchanged(t, l, before)
}
