//go:build long

package e2e

import (
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// A guest carries some 10 Mb/s of PPTP: 200 MB take five minutes.
func TestLongPPTPTransfers(t *testing.T) {
	l := lab(t)
	pptpd(t, l, "", rightPPP)
	before := snapshot(t, l)
	c := connect(t, l, pptp(0))
	store, err := l.OpenStore(testlab.InsideV4)
	must(t, err)
	defer store.Close()
	down, err := store.Download(within(t, 6*time.Minute), large)
	must(t, err)
	up, err := store.Upload(within(t, 6*time.Minute), large)
	must(t, err)
	t.Logf("down %s, up %s", down, up)
	disconnect(t, c)
	unchanged(t, l, before)
}
