package e2e

import (
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// Every way to break the protocol really breaks something, at the place where
// openconnect is when it comes to that; and the gateway outlives it.
func TestGPGateBroken(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	played, unfound := 0, 0
	for _, b := range slices.Concat(gpgate.InLogin(), gpgate.InConfig(), gpgate.InESP(), gpgate.InStream(), gpgate.Anywhere(gpgate.GatewayConfig)) {
		must(t, g.Change(func(c *gpgate.Config) {
			*c = gpgate.Config{}
			b.Change(c)
		}))
		s := gpAlice("--usergroup=gateway")
		if b.Path() == gpgate.PortalConfig {
			s.Extra[0] = "--usergroup=portal"
		}
		s.NoDTLS = true
		c, err := l.Launch(testlab.Openconnect{}, s)
		must(t, err)
		must(t, testlab.Await(within(t, 20*time.Second), b.Name, func() bool {
			return len(g.Seen(gpgate.Played)) > played || len(g.Seen(gpgate.Unfound)) > unfound
		}))
		if all := g.Seen(gpgate.Unfound); len(all) > unfound {
			t.Errorf("%s: nothing to edit: %v", b.Name, all[unfound:])
		}
		played, unfound = len(g.Seen(gpgate.Played)), len(g.Seen(gpgate.Unfound))
		if _, err := c.Stop(syscall.SIGKILL, 5*time.Second); err != nil {
			t.Error(err)
		}
	}
}
