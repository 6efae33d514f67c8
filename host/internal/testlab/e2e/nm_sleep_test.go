package e2e

import (
	"slices"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// sleeper is a desktop with a logind, and a VPN that is up.
type sleeper struct {
	*desktop
	*testlab.Logind
	server *testlab.Server
}

func forSleep(t *testing.T, full bool, persistent string) sleeper {
	t.Helper()
	d, server := away(t, full, persistent)
	logind, err := d.nm.StartLogind()
	must(t, err)
	t.Cleanup(func() { logind.Close() })
	d.before = d.snapshot(t)
	s := sleeper{d, logind, server}
	d.up(t, corp)
	s.awaitDelayed(t, "NetworkManager", "Penstock")
	return s
}

// awaitDelayed waits until these, and no others, want to know before the machine sleeps.
func (s sleeper) awaitDelayed(t *testing.T, want ...string) {
	t.Helper()
	must(t, testlab.Await(within(t, 10*time.Second), "the delay locks to be those of "+want[0]+" and its like", func() bool {
		got := s.Delayed()
		slices.Sort(got)
		return slices.Equal(got, want)
	}))
}

// sleep is what happens around a sleep. NetworkManager lets go of hardware when it
// hears of one; the lab's cable is none for it, so that it is told to.
func (s sleeper) sleep(t *testing.T, asleep func()) {
	t.Helper()
	must(t, s.Sleep())
	s.nmcli(t, "device", "set", "eth0", "managed", "no")
	asleep()
	must(t, s.Wake())
	pause(t, 2*time.Second) // hardware takes its time
	s.nmcli(t, "device", "set", "eth0", "managed", "yes")
}

// A persistent VPN works again after a sleep, in the same session.
func TestNMSleep(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, full := range kinds {
		t.Run(name, func(t *testing.T) {
			s := forSleep(t, full, "yes")
			session, err := s.server.Sessions()
			must(t, err)
			end := s.steady(t, corp)
			for range 2 {
				s.sleep(t, func() { pause(t, 3*time.Second) })
				s.branchAgain(t, 15*time.Second)
				s.awaitDelayed(t, "NetworkManager", "Penstock")
			}
			now, err := s.server.Sessions()
			must(t, err)
			if !slices.Equal(now, session) {
				t.Errorf("sessions before %v, after %v: want the same one", session, now)
			}
			end()
			s.down(t, corp)
			s.awaitDelayed(t, "NetworkManager")
			s.nothingLeft(t)
		})
	}
}

// One that is not persistent ends before the machine sleeps.
func TestNMSleepEnds(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	s := forSleep(t, true, "no")
	s.sleep(t, func() { s.awaitEnd(t) })
	s.awaitDelayed(t, "NetworkManager")
	s.awaitState(t, testlab.BaseConnection, "activated")
	s.nothingLeft(t)
}
