package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

func ikegate(t *testing.T, l *testlab.Lab, c testlab.Ikegate) *testlab.RunningIkegate {
	t.Helper()
	g, err := l.StartIkegate(c)
	must(t, err)
	return g
}

// anyConnect is a login with AnyConnect: nothing is set that the gateway asks for.
func anyConnect(l *testlab.Lab, extra ...string) []string {
	return append([]string{"--auth", "anyconnect", "--cafile", l.PKI.Cert("ca"), "--username", testlab.User}, extra...)
}

func withCertificate(l *testlab.Lab, user string) []string {
	return anyConnect(l, "--usercert", l.PKI.Cert(user), "--userkey", l.PKI.Key(user))
}

func TestAnyConnectOverIKEv2(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, test := range map[string]struct {
		gate    testlab.Ikegate
		args    func(*testlab.Lab) []string
		answers []string
		said    string // by the client
	}{
		"password":    {testlab.Ikegate{}, func(l *testlab.Lab) []string { return anyConnect(l) }, nil, `type="auth-reply".*<username>alice</username>`},
		"group, code": {testlab.Ikegate{Groups: []string{"staff", "guests"}, Code: "123456"}, func(l *testlab.Lab) []string { return anyConnect(l, "--authgroup", "staff") }, []string{"123456"}, `<group-select>staff</group-select>`},
		"RSA certificate and password, in pieces": {testlab.Ikegate{Clients: true, Pieces: true}, func(l *testlab.Lab) []string { return withCertificate(l, "alice") }, nil, `type="ack"`},
		"ECDSA certificate alone":                 {testlab.Ikegate{Clients: true, NoForm: true, Cert: "server-ec"}, func(l *testlab.Lab) []string { return withCertificate(l, "alice-ec") }, nil, `<auth></auth>`},
		"the clients' identity signed":            {testlab.Ikegate{ClientID: true}, func(l *testlab.Lab) []string { return anyConnect(l) }, nil, `type="ack"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			before := snapshot(t, l)
			g := ikegate(t, l, test.gate)
			c, err := l.Connect(within(t, 20*time.Second), ikev2(l, test.args(l)...), testlab.Spec{Answers: append([]string{testlab.Password}, test.answers...)})
			must(t, err)
			status(t, l)
			reaches(t, l, testlab.InsideV4)
			bothWays(t, l, testlab.InsideV4, 1_000_000)
			disconnect(t, c)
			unchanged(t, l, before)
			if !strings.Contains(c.Output(), "Authorised only") {
				t.Errorf("the banner is not shown: %s", c.Output())
			}
			if out := g.Output(); !regexp.MustCompile(test.said).MatchString(out) || strings.Contains(out, "fault:") {
				t.Errorf("the gateway heard %s", out)
			}
		})
	}
}

// The program that looks at this computer runs before its token goes back.
func TestAnyConnectOverIKEv2HostScan(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	program, seen := filepath.Join(l.Client.Dir, "scan"), filepath.Join(l.Client.Dir, "seen")
	must(t, os.WriteFile(program, []byte("#!/bin/sh\necho \"$CSD_HOSTNAME $CSD_TOKEN $*\" > "+seen+"\n"), 0o755))
	g := ikegate(t, l, testlab.Ikegate{Scan: true})
	c, err := l.Connect(within(t, 20*time.Second), ikev2(l, anyConnect(l, "--csd-wrapper", program)...), answers())
	must(t, err)
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
	text, err := os.ReadFile(seen)
	if err != nil || !strings.Contains(string(text), testlab.GatewayName+" 3C4D5E6F708192A3B4C5D6E7") || !strings.Contains(string(text), "-ticket") {
		t.Errorf("the program saw %q, %v", text, err)
	}
	if out := g.Output(); !strings.Contains(out, "<host-scan-token>3C4D5E6F708192A3B4C5D6E7</host-scan-token>") {
		t.Errorf("the gateway heard %s", out)
	}
}

func TestAnyConnectOverIKEv2Refusals(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, test := range map[string]struct {
		gate    testlab.Ikegate
		args    func(*testlab.Lab) []string
		answers []string
		code    int
		words   string
	}{
		"wrong passwords":     {testlab.Ikegate{}, func(l *testlab.Lab) []string { return anyConnect(l) }, []string{"wrong", "wrong", "wrong"}, exitRefused, "Login failed"},
		"no such group":       {testlab.Ikegate{Groups: []string{"staff"}}, func(l *testlab.Lab) []string { return anyConnect(l, "--authgroup", "nobody") }, nil, exitUsage, `no group "nobody"`},
		"refused in the end":  {testlab.Ikegate{Refusal: "The account is locked."}, func(l *testlab.Lab) []string { return anyConnect(l) }, nil, exitRefused, "The account is locked"},
		"no certificate":      {testlab.Ikegate{Clients: true}, func(l *testlab.Lab) []string { return anyConnect(l) }, nil, exitRefused, "wants a client certificate"},
		"another certificate": {testlab.Ikegate{Clients: true}, func(l *testlab.Lab) []string { return withCertificate(l, "mallory") }, nil, exitRefused, "did not accept the client certificate"},
		"an unknown gateway":  {testlab.Ikegate{Cert: "unknown"}, func(l *testlab.Lab) []string { return anyConnect(l) }, nil, exitCertificate, "servercert"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			ikegate(t, l, test.gate)
			if test.answers == nil {
				test.answers = []string{testlab.Password}
			}
			refusedBy(t, l, ikev2(l, test.args(l)...), testlab.Spec{Answers: test.answers}, 30*time.Second, test.code, test.words)
		})
	}
}
