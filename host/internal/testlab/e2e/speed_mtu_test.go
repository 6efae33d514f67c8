package e2e

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// The largest and the smallest packets that a tunnel may have: they pass whole, and
// what is longer is fragmented, or refused with its own size.
func TestMTUs(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, mtu := range []int{9000, 1280, 576} {
		for _, w := range ownWays(mtu) {
			t.Run(fmt.Sprintf("%d over %s", mtu, w), func(t *testing.T) {
				t.Parallel()
				l := lab(t)
				cable(t, l, max(1500, mtu+200))
				var extra []string
				if mtu < 1280 && w.transport != "esp" {
					extra = []string{"--disable-ipv6"}
				}
				c := w.up(t, l, extra...)
				if c.MTU() != mtu {
					t.Errorf("the MTU is %d, want %d", c.MTU(), mtu)
				}
				quietly(t)
				families := map[string]int{testlab.InsideV4: 20}
				if mtu >= 1280 {
					families[testlab.InsideV6] = 40
				}
				for inside, header := range families {
					run(t, l.Client, "ping", "-n", "-q", "-c", "1", "-M", "do", "-s", strconv.Itoa(mtu-header-8), inside)
					if out, err := l.Client.Run("ping", "-n", "-c", "1", "-W", "0.2", "-M", "do", "-s", strconv.Itoa(mtu-header-7), inside); err == nil {
						t.Errorf("a longer packet passes:\n%s", out)
					}
					whole(t, l, inside)
					carries(t, l, inside, 10_000_000)
				}
				disconnect(t, c)
			})
		}
	}
}

// carries moves a file both ways, of the test's own turn at the processors.
func carries(t *testing.T, l *testlab.Lab, inside string, size int64) {
	t.Helper()
	store, err := l.OpenStore(inside)
	must(t, err)
	defer store.Close()
	down, err := store.Download(within(t, time.Minute), size)
	must(t, err)
	up, err := store.Upload(within(t, time.Minute), size)
	must(t, err)
	t.Logf("%s: down %s, up %s", inside, down, up)
}

// cable gives both ends of the cable an MTU.
func cable(t *testing.T, l *testlab.Lab, mtu int) {
	t.Helper()
	for _, m := range []*testlab.Machine{l.Client, l.Gateway} {
		run(t, m, "ip", "link", "set", "eth0", "mtu", strconv.Itoa(mtu))
	}
}

// The way to the gateway gets narrower during transfers, and wide again: nothing of
// what is transferred is lost, and the device has what fits.
func TestMTUFallsUnderTraffic(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, w := range ways() {
		if w.transport == "tls" {
			continue // TCP sees to that
		}
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			c := w.up(t, l)
			f := start(t, l, 4*time.Second)
			for _, width := range []int{1450, 1400} {
				cable(t, l, width)
				must(t, testlab.Await(within(t, 20*time.Second), fmt.Sprintf("an MTU that fits into %d", width), func() bool {
					return c.MTU() < width-60 && c.MTU() > width-150
				}))
				says(t, l, w.transport)
			}
			cable(t, l, 1500)
			f.finish(t)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			says(t, l, w.transport)
			disconnect(t, c)
		})
	}
}

// On a way so narrow that datagrams with packets of IPv6 inside do not fit, the tunnel
// goes on as it can.
func TestMTUTooNarrowForDatagrams(t *testing.T) {
	needPenstock(t)
	for _, w := range []way{ways()[1], ways()[3]} {
		t.Run(w.String(), func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			c := w.up(t, l)
			f := start(t, l, 4*time.Second)
			cable(t, l, 1300)
			must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile("DTLS is lost .*1280 are needed")))
			f.finish(t)
			reaches(t, l, testlab.InsideV4)
			disconnect(t, c)
		})
	}
}
