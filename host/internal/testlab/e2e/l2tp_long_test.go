//go:build long

package e2e

import (
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// SoftEther carries some 100 Mb/s of L2TP.
func TestLongL2TPTransfers(t *testing.T) {
	l := lab(t)
	softether(t, l)
	c := connectL2TP(t, l, testlab.GatewayName, l2tpAnswers())
	bothWays(t, l, testlab.InsideV4, large)
	disconnect(t, c)
}
