package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// machinePSK is the key that all machines have; SoftEther takes nine letters.
const machinePSK = "labpsk"

// l2tp is a connection by L2TP to that gateway.
func l2tp(gateway string, extra ...string) testlab.Client {
	args := []string{penstock.Program(), "connect", "--protocol", "l2tp", "--plugin-dir", penstock.Plugins(), "--password-stdin", "--username", testlab.User}
	return testlab.Argv(append(append(args, extra...), gateway))
}

// l2tpAnswers are what is typed in.
func l2tpAnswers() testlab.Spec { return testlab.Spec{Answers: []string{machinePSK, testlab.Password}} }

func connectL2TP(t *testing.T, l *testlab.Lab, gateway string, s testlab.Spec, extra ...string) *testlab.Connection {
	t.Helper()
	c, err := l.Connect(within(t, 40*time.Second), l2tp(gateway, extra...), s)
	must(t, err)
	status(t, l)
	return c
}

func softether(t *testing.T, l *testlab.Lab) *testlab.SoftetherServer {
	t.Helper()
	s, err := l.StartSoftether(testlab.Softether{PSK: machinePSK})
	must(t, err)
	return s
}

// sessions waits until the gateway has so many.
func sessions(t *testing.T, s *testlab.SoftetherServer, want int) {
	t.Helper()
	got := 0
	err := testlab.Await(within(t, 10*time.Second), "the gateway's sessions", func() bool {
		n, err := s.Sessions()
		got = n
		return err == nil && n == want
	})
	if err != nil {
		t.Errorf("%d sessions, want %d: %v", got, want, err)
	}
}

// SoftEther: a login, traffic, new keys in mid-session, losses, and a goodbye that it hears.
func TestL2TPWithSoftether(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := softether(t, l)
	before := snapshot(t, l)
	c := connectL2TP(t, l, testlab.GatewayName, l2tpAnswers(), "--esp-lifetime", "10s", "--dump-http")
	if st := status(t, l); st.Protocol != "l2tp" || st.Transport != "esp" {
		t.Errorf("status: %+v", st)
	}
	reaches(t, l, testlab.InsideV4)
	bothWays(t, l, testlab.InsideV4, large/4)
	f := start(t, l, 15*time.Second)
	quick := func() int { return strings.Count(c.Output(), "<-- quick mode") }
	was := quick()
	must(t, testlab.Await(within(t, 30*time.Second), "new keys, and newer ones", func() bool { return quick() >= was+2 }))
	if pings := f.finish(t); len(pings.Lost) > 0 {
		t.Errorf("pings lost: %s", pings)
	}
	loss, err := l.Lose(5)
	must(t, err)
	bothWays(t, l, testlab.InsideV4, 1_000_000)
	must(t, loss.Lift())
	sessions(t, server, 1)
	disconnect(t, c)
	unchanged(t, l, before)
	sessions(t, server, 0)
}

// What is refused, and by whom.
func TestL2TPRefusals(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	softether(t, l)
	for _, test := range []struct {
		name    string
		answers []string
		code    int
		words   string
	}{
		{"wrong password", []string{machinePSK, "wrong"}, exitRefused, "user name|password"},
		{"wrong pre-shared key", []string{"wrong", testlab.Password}, exitRefused, "pre-shared key|psk"},
	} {
		t.Run(test.name, func(t *testing.T) {
			refusedBy(t, l, l2tp(testlab.GatewayName), testlab.Spec{Answers: test.answers}, 60*time.Second, test.code, test.words)
		})
	}
}

// A gateway that is killed is noticed, and connected to again when it is back.
func TestL2TPGatewayGone(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := softether(t, l)
	before := snapshot(t, l)
	c := connectL2TP(t, l, testlab.GatewayName, l2tpAnswers(), "--force-dpd", "4s")
	pings, err := l.Client.Ping(testlab.InsideV4, 200*time.Millisecond)
	must(t, err)
	must(t, server.Restart())
	_, err = penstock.AwaitStatus(within(t, 40*time.Second), l, "reconnecting", func(s testlab.Status) bool { return s.State != "connected" })
	must(t, err)
	_, err = penstock.AwaitStatus(within(t, 60*time.Second), l, "connected", func(s testlab.Status) bool { return s.State == "connected" })
	must(t, err)
	pings.Stop()
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
	unchanged(t, l, before)
}
