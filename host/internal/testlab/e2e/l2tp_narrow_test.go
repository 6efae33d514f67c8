package e2e

import (
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// A line that is as narrow as IPv6 allows, from the start or later: the packets of the
// tunnel get smaller.
func TestL2TPNarrowLine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, narrow := range map[string]bool{"from the start": true, "later": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			softether(t, l)
			if narrow {
				cable(t, l, 1280)
			}
			c := connectL2TP(t, l, testlab.GatewayName, l2tpAnswers())
			if !narrow {
				bothWays(t, l, testlab.InsideV4, 100_000)
				cable(t, l, 1280)
			}
			bothWays(t, l, testlab.InsideV4, 1_000_000)
			fits(t, l, c, 1280)
			disconnect(t, c)
		})
	}
}
