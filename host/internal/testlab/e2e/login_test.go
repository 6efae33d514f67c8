package e2e

import (
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// disconnect ends the connection as a user does, and wants a calm end.
func disconnect(t *testing.T, c *testlab.Connection) {
	t.Helper()
	code, err := c.Stop(syscall.SIGINT, 10*time.Second)
	must(t, err)
	if code != 0 {
		t.Errorf("exit status %d after SIGINT, want 0:\n%s", code, c.Tail(20))
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	c := connect(t, l, alice())
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	bothWays(t, l, testlab.InsideV4, large)
	disconnect(t, c)
	unchanged(t, l, before)
	sessions, err := server.Sessions()
	must(t, err)
	if len(sessions) != 0 {
		t.Errorf("the gateway still has sessions %v: no logout", sessions)
	}
}
