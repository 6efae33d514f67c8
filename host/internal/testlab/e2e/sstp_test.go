package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

func sstpGate(t *testing.T, l *testlab.Lab, c testlab.SSTPGate) *testlab.RunningSSTPGate {
	t.Helper()
	g, err := l.StartSSTPGate(c)
	must(t, err)
	t.Cleanup(func() {
		if strings.Contains(g.Output(), "fault:") {
			t.Errorf("the gateway says %s", g.Output())
		}
	})
	return g
}

// sstp is a user's connection by SSTP.
func sstp(extra ...string) testlab.Spec {
	s := alice()
	s.Protocol, s.Extra = "sstp", extra
	return s
}

func TestSSTPLogin(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := sstpGate(t, l, testlab.SSTPGate{})
	before := snapshot(t, l)
	c := connect(t, l, sstp())
	if st := status(t, l); st.Protocol != "sstp" || st.Transport != "tls" {
		t.Errorf("status: %+v", st)
	}
	reaches(t, l, testlab.InsideV4)
	bothWays(t, l, testlab.InsideV4, large)
	disconnect(t, c)
	unchanged(t, l, before)
	must(t, server.Expect(within(t, 10*time.Second), regexp.MustCompile("left: 1 calls: 0")))
}

func TestSSTPRefusals(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	sstpGate(t, l, testlab.SSTPGate{})
	for _, test := range []struct {
		name  string
		spec  testlab.Spec
		code  int
		words string
	}{
		{"wrong password", testlab.Spec{Protocol: "sstp", Username: testlab.User, Answers: []string{"wrong"}}, exitRefused, "user name|password"},
		{"another authority", testlab.Spec{Protocol: "sstp", Username: testlab.User, Answers: []string{testlab.Password}, CA: "other-ca"}, exitCertificate, "pin-sha256:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			refusedBy(t, l, client, test.spec, 60*time.Second, test.code, test.words)
		})
	}
}
