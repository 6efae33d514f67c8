package e2e

import (
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

func TestTransport(t *testing.T) {
	t.Parallel()
	without := alice()
	without.NoDTLS = true
	for _, test := range []struct {
		name   string
		server testlab.Ocserv
		spec   testlab.Spec
		want   string
		large  int64
	}{
		{"DTLS legacy", testlab.Ocserv{DTLS: "legacy"}, alice(), "dtls", large},
		{"gateway without DTLS", testlab.Ocserv{DTLS: "off"}, alice(), "tls", large},
		{"client without DTLS", testlab.Ocserv{}, without, "tls", large / 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			ocserv(t, l, test.server)
			before := snapshot(t, l)
			m := meter(t, l)
			c := connect(t, l, test.spec)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			bothWays(t, l, testlab.InsideV4, test.large)
			carried(t, l, m, test.want)
			disconnect(t, c)
			must(t, m.Close())
			unchanged(t, l, before)
		})
	}
}

func TestOutsideIPv6(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	for name, url := range map[string]string{"address": "https://[" + testlab.GatewayV6 + "]/", "name": "https://v6." + testlab.GatewayName + "/"} {
		t.Run(name, func(t *testing.T) {
			s := alice()
			s.URL = url
			c := connect(t, l, s)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			bothWays(t, l, testlab.InsideV6, large/10)
			disconnect(t, c)
			unchanged(t, l, before)
		})
	}
}

// Without split routes everything goes into the tunnel, but for the tunnel itself.
func TestFullTunnel(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{Full: true})
	before := snapshot(t, l)
	c := connect(t, l, alice())
	reaches(t, l, testlab.InsideV4, testlab.InsideV6, testlab.Beyond)
	for address, want := range map[string]string{testlab.Beyond: c.Interface, "192.0.2.1": c.Interface, "2001:db8::1": c.Interface, testlab.GatewayV4: "eth0"} {
		if device := l.Client.RouteDevice(address); device != want {
			t.Errorf("packets to %s leave by %q, want %q", address, device, want)
		}
	}
	bothWays(t, l, testlab.InsideV4, large/10)
	disconnect(t, c)
	unchanged(t, l, before)
}

// Rekeying must not be felt: the transfers go on, and of the pings at most one is
// lost, even though there are two rekeys.
func TestRekey(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"new-tunnel", "ssl"} {
		for _, dtls := range []string{"psk", "off"} {
			t.Run(method+" DTLS "+dtls, func(t *testing.T) {
				t.Parallel()
				quiet(t)
				l := lab(t)
				ocserv(t, l, testlab.Ocserv{RekeyMethod: method, RekeyTime: 30, DTLS: dtls})
				m := meter(t, l)
				c := connect(t, l, alice())
				before := read(t, m)
				pings := start(t, l, 75*time.Second).finish(t)
				// Two rekeys; at each, ocserv forgets the tunnel when the new one is asked
				// for, a moment before it answers: one ping, or two on a busy machine.
				if len(pings.Lost) > 4 {
					t.Errorf("pings lost: %s", pings)
				}
				// openconnect rekeys by new-tunnel alone with a new connection
				opened := read(t, m).Connections - before.Connections
				if inPlace := client.Name() == "openconnect" && method == "ssl"; opened < 2 && !inPlace {
					t.Errorf("%d new connections in 75 seconds, want 2 rekeys", opened)
				}
				disconnect(t, c)
			})
		}
	}
}

// patience is longer for openconnect, which tries DTLS again once a minute.
func patience(d time.Duration) time.Duration {
	if client.Name() == "openconnect" {
		return d + 40*time.Second
	}
	return d
}

// UDP is lost in the middle of a transfer and comes back later: the traffic moves
// to TLS and back, the transfer stays whole.
func TestUDPBlocked(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{DPD: 5})
	m := meter(t, l)
	c := connect(t, l, alice())
	f := start(t, l, patience(60*time.Second))
	moves(t, m, "dtls", 10*time.Second)
	says(t, l, "dtls")
	block, err := l.DropUDP(443)
	must(t, err)
	moves(t, m, "tls", 40*time.Second)
	says(t, l, "tls")
	must(t, block.Lift())
	moves(t, m, "dtls", patience(40*time.Second))
	says(t, l, "dtls")
	f.finish(t)
	disconnect(t, c)
}

// UDP is blocked from the start: the tunnel comes up all the same, on TLS.
func TestUDPNeverThere(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	block, err := l.DropUDP(443)
	must(t, err)
	m := meter(t, l)
	c := connect(t, l, alice())
	carried(t, l, m, "tls")
	must(t, block.Lift())
	f := start(t, l, patience(40*time.Second))
	moves(t, m, "dtls", patience(40*time.Second))
	says(t, l, "dtls")
	f.finish(t)
	disconnect(t, c)
}

// says waits until penstock's status names the transport.
func says(t *testing.T, l *testlab.Lab, transport string) {
	t.Helper()
	if client.Name() == "penstock" {
		_, err := penstock.AwaitStatus(within(t, 20*time.Second), l, "transport "+transport, func(s testlab.Status) bool { return s.Transport == transport })
		must(t, err)
	}
}

func TestLoss(t *testing.T) {
	t.Parallel()
	for name, dtls := range map[string]string{"DTLS": "psk", "TLS": "off"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			busy.Lock()
			defer busy.Unlock()
			l := lab(t)
			ocserv(t, l, testlab.Ocserv{DTLS: dtls})
			loss, err := l.Lose(5)
			must(t, err)
			c := connect(t, l, alice())
			store, err := l.OpenStore(testlab.InsideV4)
			must(t, err)
			down, err := store.Download(within(t, 2*time.Minute), 10_000_000)
			must(t, err)
			up, err := store.Upload(within(t, 2*time.Minute), 10_000_000)
			must(t, err)
			t.Logf("down %s, up %s", down, up)
			must(t, loss.Lift())
			must(t, store.Close())
			disconnect(t, c)
		})
	}
}
