package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// A gateway that is away for a while and still knows its sessions: connections are
// reset and refused meanwhile, then the cookie brings the tunnel back, with the
// same addresses and without asking anybody.
func TestGatewayComesBack(t *testing.T) {
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{DPD: 5})
	c := connect(t, l, alice())
	session, err := server.Sessions()
	must(t, err)
	f := start(t, l, 30*time.Second)
	away, err := l.Refuse(443)
	must(t, err)
	must(t, server.KillWorkers())
	pause(t, 5*time.Second)
	must(t, away.Lift())
	f.finish(t)
	again, err := server.Sessions()
	must(t, err)
	if len(session) != 1 || len(again) != 1 || session[0] != again[0] {
		t.Errorf("sessions before %v, after %v: want the same one", session, again)
	}
	addresses := c.Addresses
	must(t, c.WaitUp(within(t, 10*time.Second)))
	if !slices.Equal(addresses, c.Addresses) {
		t.Errorf("addresses before %v, after %v", addresses, c.Addresses)
	}
	disconnect(t, c)
}

// A gateway that comes back without its sessions: the cookie is worth nothing. Who
// read the password once and forgot it ends, and says why.
func TestGatewayForgetsTheSession(t *testing.T) {
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	c := connect(t, l, alice())
	restart(t, l, server)
	code, err := c.Wait(60 * time.Second)
	must(t, err)
	if client.Name() == "penstock" && (code != exitRefused || !strings.Contains(c.Stderr(), "does not know the session any more")) {
		t.Errorf("exit status %d: %s", code, c.Stderr())
	}
	unchanged(t, l, before)
}

// With a stored password the client logs in again by itself.
func TestGatewayForgetsTheSessionOfAStoredLogin(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	file := filepath.Join(l.Dir, "password")
	must(t, os.WriteFile(file, []byte(testlab.Password+"\n"), 0o600))
	c := connect(t, l, testlab.Spec{Username: testlab.User, Extra: []string{"--password-file", file}})
	restart(t, l, server)
	must(t, testlab.Await(within(t, 60*time.Second), "a new session", func() bool {
		ids, err := server.Sessions()
		return err == nil && len(ids) == 1
	}))
	status(t, l)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	disconnect(t, c)
	unchanged(t, l, before)
}

// restart replaces the gateway by one that knows no session. Nobody hears a farewell:
// a client that was back before the end would be told that its session is over.
func restart(t *testing.T, l *testlab.Lab, server *testlab.Server) {
	t.Helper()
	away, err := l.Refuse(443)
	must(t, err)
	must(t, server.KillWorkers())
	must(t, server.Restart())
	must(t, away.Lift())
}

// pause lets the clock run where passing time is what the test is about.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	<-within(t, d).Done()
}
