package e2e

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/relay"
)

// New keys must not be felt, whoever asks for them: the tunnel's and those of IKE.
func TestIKEv2Rekeys(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, test := range []struct {
		name   string
		server testlab.Strongswan
		args   []string
	}{
		{"by the client", testlab.Strongswan{}, []string{"--esp-lifetime", "10s", "--ike-lifetime", "25s"}},
		{"by the client, with a key exchange each", testlab.Strongswan{ESP: "aes256-sha256-ecp256"}, []string{"--esp-lifetime", "10s"}},
		{"by the client, after so many bytes", testlab.Strongswan{}, []string{"--esp-lifebytes", "8000000"}},
		{"by the gateway", testlab.Strongswan{ChildRekey: 10, IKERekey: 25}, nil},
		{"by both at once", testlab.Strongswan{ChildRekey: 10, IKERekey: 20}, []string{"--esp-lifetime", "10s", "--ike-lifetime", "20s"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			quiet(t)
			l := lab(t)
			server := strongswan(t, l, test.server)
			c := connectIKEv2(t, l, psk(test.args...)...)
			pings := start(t, l, 45*time.Second).finish(t)
			if len(pings.Lost) > 2 {
				t.Errorf("pings lost: %s", pings)
			}
			if n := strings.Count(server.Output(), "CREATE_CHILD_SA response"); n < 3 {
				t.Errorf("%d new SAs in 45 seconds, want 3 at least", n)
			}
			disconnect(t, c)
			if sas, err := server.SAs(); err != nil || strings.Contains(sas, "ESTABLISHED") {
				t.Errorf("the gateway still has %s, %v", sas, err)
			}
		})
	}
}

// The client's address changes while data flows: the session goes on (MOBIKE), without
// a login.
func TestIKEv2Moves(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := strongswan(t, l, testlab.Strongswan{})
	c := connectIKEv2(t, l, psk()...)
	f := start(t, l, 20*time.Second)
	for _, command := range []string{
		"sysctl -qw net.ipv4.conf.eth0.promote_secondaries=1", // a new address before the old one goes
		"ip addr add 10.77.0.9/24 dev eth0", "ip addr del 10.77.0.2/24 dev eth0",
	} {
		_, err := l.Client.Run(strings.Fields(command)...)
		must(t, err)
	}
	f.finish(t)
	sas, err := server.SAs()
	must(t, err)
	if logins := strings.Count(server.Output(), "parsed IKE_AUTH request"); logins != 1 || !strings.Contains(sas, "10.77.0.9") {
		t.Errorf("%d logins, and the gateway knows %s", logins, sas)
	}
	disconnect(t, c)
}

// A gateway that starts anew has forgotten everything: the client logs in again by
// itself, whether it heard a farewell or not.
func TestIKEv2GatewayRestarts(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, signal := range map[string]syscall.Signal{"with a farewell": syscall.SIGTERM, "killed": syscall.SIGKILL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			server := strongswan(t, l, testlab.Strongswan{})
			c := connectIKEv2(t, l, psk("--force-dpd", "3s")...)
			_, err := server.Stop(signal, 10*time.Second)
			must(t, err)
			must(t, server.Restart())
			must(t, testlab.Await(within(t, 90*time.Second), "a new session", func() bool {
				sas, err := server.SAs()
				return err == nil && strings.Contains(sas, "INSTALLED")
			}))
			status(t, l)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			disconnect(t, c)
		})
	}
}

// A line that loses every fifth packet, and messages in fragments: the login takes
// longer.
func TestIKEv2BadLine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := strongswan(t, l, testlab.Strongswan{Auth: "eap-mschapv2", FragmentSize: 600})
	bad, err := l.Lose(20)
	must(t, err)
	c, err := l.Connect(within(t, 60*time.Second), ikev2(l, eap(t, l, "server", "--fragment-size", "500", "--esp-lifetime", "10s")...), answers())
	must(t, err)
	must(t, testlab.Await(within(t, 60*time.Second), "new keys", func() bool {
		return strings.Contains(server.Output(), "parsed CREATE_CHILD_SA request")
	}))
	must(t, bad.Lift())
	if !strings.Contains(server.Output(), "EF(1/") {
		t.Error("no message went in fragments")
	}
	status(t, l)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	disconnect(t, c)
}

// Large transfers go on while the keys of the tunnel and those of IKE change: whole, and
// with no packet that one side cannot read.
func TestIKEv2RekeysUnderLoad(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := strongswan(t, l, testlab.Strongswan{})
	c := connectIKEv2(t, l, psk("--esp-lifetime", "10s", "--ike-lifetime", "18s")...)
	store, err := l.OpenStore(testlab.InsideV4)
	must(t, err)
	defer store.Close()
	store.Rate = large / 25
	busy.Lock()
	defer busy.Unlock()
	pings, err := l.Client.Ping(testlab.InsideV4, 100*time.Millisecond)
	must(t, err)
	up := make(chan error, 1)
	go func() { _, err := store.Upload(within(t, 2*time.Minute), large); up <- err }()
	down, err := store.Download(within(t, 2*time.Minute), large)
	must(t, err)
	must(t, <-up)
	lost := pings.Stop()
	t.Logf("%s; %s", down, lost)
	if n := strings.Count(server.Output(), "CREATE_CHILD_SA response"); n < 3 {
		t.Errorf("%d new SAs, want 3 at least", n)
	}
	for _, words := range []string{"does not belong to an installed SA", "could not find an outbound IPsec SA", "ICV verification failed"} {
		if n := strings.Count(server.Output(), words); n > 0 {
			t.Errorf("the gateway says %d times: %s", n, words)
		}
	}
	for i, n := range lost.Lost { // one alone found a queue full; half a second is a pause
		if i >= 4 && n-lost.Lost[i-4] == 4 {
			t.Errorf("the tunnel paused: %s", lost)
		}
	}
	disconnect(t, c)
}

// A line that loses, doubles and reorders, messages in fragments, and new keys all the
// time: it is one session from the login to the end.
func TestIKEv2DoublesAndReorders(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := strongswan(t, l, testlab.Strongswan{Auth: "eap-mschapv2", FragmentSize: 600})
	lines := []*relay.Relay{badLineAs(t, l, 500, 5500), badLineAs(t, l, 4500, 5450)}
	for _, r := range lines {
		r.Worsen(relay.Faults{Lose: 0.05, Late: 0.20, Double: 0.20})
	}
	c, err := l.Connect(within(t, 60*time.Second), ikev2(l, eap(t, l, "server", "--fragment-size", "500", "--esp-lifetime", "10s", "--ike-lifetime", "15s", "--force-dpd", "2s")...), answers())
	must(t, err)
	status(t, l)
	must(t, testlab.Await(within(t, 90*time.Second), "new keys", func() bool {
		return strings.Count(server.Output(), "CREATE_CHILD_SA response") >= 8
	}))
	for _, r := range lines {
		r.Worsen(relay.Faults{})
	}
	up, down := lines[1].Counts()
	t.Logf("up %+v, down %+v", up, down)
	if up.Lost == 0 || up.Late == 0 || up.Doubled == 0 || down.Lost == 0 || down.Late == 0 || down.Doubled == 0 {
		t.Error("the line was good")
	}
	if n := strings.Count(server.Output(), "established between"); n != 1 {
		t.Errorf("%d logins", n)
	}
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	disconnect(t, c)
}
