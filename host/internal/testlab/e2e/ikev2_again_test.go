package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// One new login after the other takes the place of the one before, and no packet notices:
// the gateway wants it so after a while, or sends the client to another address.
func TestIKEv2NewLogins(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	const elsewhere = "10.77.0.7"
	for _, test := range []struct {
		name   string
		server testlab.Strongswan
		args   func(*testing.T, *testlab.Lab) []string
		begin  func(*testing.T, *testlab.Lab, *testlab.Charon)
		logins int
	}{
		{"in time, pre-shared key", testlab.Strongswan{Reauth: 20}, func(*testing.T, *testlab.Lab) []string { return psk() }, nil, 3},
		{"in time, password", testlab.Strongswan{Auth: "eap-mschapv2", Reauth: 20},
			func(t *testing.T, l *testlab.Lab) []string { return eap(t, l, "server") }, nil, 3},
		{"elsewhere", testlab.Strongswan{}, func(*testing.T, *testlab.Lab) []string { return psk() },
			func(t *testing.T, l *testlab.Lab, server *testlab.Charon) {
				_, err := l.Gateway.Run("ip", "addr", "add", elsewhere+"/24", "dev", "eth0")
				must(t, err)
				_, err = server.Swanctl("--redirect", "--ike", "lab", "--gateway", elsewhere)
				must(t, err)
			}, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			quiet(t)
			l := lab(t)
			before := snapshot(t, l)
			server := strongswan(t, l, test.server)
			c := connectIKEv2(t, l, test.args(t, l)...)
			var pings testlab.Pings
			most := 2
			if test.begin == nil {
				pings = start(t, l, 45*time.Second).finish(t)
			} else { // strongSwan gives who comes from another port another address: no transfer outlives that
				p, err := l.Client.Ping(testlab.InsideV4, 100*time.Millisecond)
				must(t, err)
				test.begin(t, l, server)
				must(t, testlab.Await(within(t, 20*time.Second), "the session to be elsewhere", func() bool {
					sas, err := server.SAs()
					return err == nil && strings.Count(sas, "ESTABLISHED") == 1 && strings.Contains(sas, elsewhere)
				}))
				reaches(t, l, testlab.InsideV4, testlab.InsideV6)
				pings = p.Stop()
				most = 5 // while the old address is taken off and the new one put on
			}
			if len(pings.Lost) > most {
				t.Errorf("pings lost: %s", pings)
			}
			if n := strings.Count(server.Output(), "established between"); n < test.logins {
				t.Errorf("%d logins, want %d", n, test.logins)
			}
			sas, err := server.SAs()
			must(t, err)
			if n := strings.Count(sas, "ESTABLISHED"); n != 1 || test.begin != nil && !strings.Contains(sas, elsewhere) {
				t.Errorf("the gateway has %d sessions: %s", n, sas)
			}
			disconnect(t, c)
			unchanged(t, l, before)
			if sas, err := server.SAs(); err != nil || strings.Contains(sas, "ESTABLISHED") {
				t.Errorf("the gateway still has %s, %v", sas, err)
			}
		})
	}
}
