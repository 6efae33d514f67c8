package e2e

import (
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// SoftEther: what is refused, a login, traffic, losses, a
// gateway that is killed and comes back, and a goodbye that it hears.
func TestSSTPWithSoftether(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := softether(t, l)
	before := snapshot(t, l)
	wrong := testlab.Spec{Protocol: "sstp", Username: testlab.User, Answers: []string{"wrong"}}
	refusedBy(t, l, client, wrong, 60*time.Second, exitRefused, "user name|password")
	c := connect(t, l, sstp("--force-dpd", "4s"))
	if st := status(t, l); st.Protocol != "sstp" || st.Transport != "tls" {
		t.Errorf("status: %+v", st)
	}
	reaches(t, l, testlab.InsideV4)
	bothWays(t, l, testlab.InsideV4, large)
	loss, err := l.Lose(5)
	must(t, err)
	bothWays(t, l, testlab.InsideV4, 1_000_000)
	must(t, loss.Lift())
	sessions(t, server, 1)
	pings, err := l.Client.Ping(testlab.InsideV4, 200*time.Millisecond)
	must(t, err)
	must(t, server.Restart())
	for _, connected := range []bool{false, true} {
		_, err = penstock.AwaitStatus(within(t, 60*time.Second), l, "the end and the new beginning", func(s testlab.Status) bool { return (s.State == "connected") == connected })
		must(t, err)
	}
	pings.Stop()
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
	unchanged(t, l, before)
	sessions(t, server, 0)
}
