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

func xl2tpd(t *testing.T, l *testlab.Lab, x testlab.Xl2tpd) *testlab.Guest {
	t.Helper()
	x.PSK = machinePSK
	g, err := l.StartXl2tpd(x)
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(g.Tail(150))
		}
	})
	return g
}

// strongSwan in a kernel, xl2tpd and pppd, in the ways that they know.
func TestL2TPWithXl2tpd(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, test := range map[string]struct {
		server testlab.Xl2tpd
		args   func(*testlab.Lab) []string
		spec   testlab.Spec
		check  func(*testing.T, *testlab.Lab, *testlab.Guest)
	}{
		"pre-shared key, new keys by the gateway": {testlab.Xl2tpd{ChildRekey: 6, Length: true}, nil, l2tpAnswers(), rekeyed},
		"certificates, behind a NAT, new keys by the client": {testlab.Xl2tpd{Auth: "pubkey"}, func(l *testlab.Lab) []string {
			return []string{"--auth", "cert", "--cafile", l.PKI.Cert("ca"), "--usercert", l.PKI.Cert("alice"), "--userkey", l.PKI.Key("alice"),
				"--remote-id", testlab.GatewayName, "--esp-lifetime", "10s", "--ike-lifetime", "20s"}
		}, testlab.Spec{Answers: []string{testlab.Password}}, renewed},
		"old proposals": {testlab.Xl2tpd{IKE: "3des-sha1-modp1024", ESP: "3des-sha1"}, func(*testlab.Lab) []string {
			return []string{"--ike", "3des-sha1-modp1024", "--esp", "3des-sha1"}
		}, l2tpAnswers(), nil},
		"PAP, and a secret of the tunnel": {testlab.Xl2tpd{PAP: true, Secret: "Ruthenium-44"}, func(l *testlab.Lab) []string {
			file := filepath.Join(l.Dir, "l2tp-secret")
			must(t, os.WriteFile(file, []byte("Ruthenium-44\n"), 0o600))
			return []string{"--auth-methods", "pap", "--l2tp-secret-file", file}
		}, l2tpAnswers(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			guest := xl2tpd(t, l, test.server)
			behindNAT(t, l)
			before := snapshot(t, l)
			var args []string
			if test.args != nil {
				args = test.args(l)
			}
			c := connectL2TP(t, l, testlab.GuestV4, test.spec, args...)
			if mtu := c.MTU(); mtu != 1350 {
				t.Errorf("MTU %d, want pppd's MRU of 1350", mtu)
			}
			bothWays(t, l, testlab.InsideV4, 1_000_000)
			if test.check != nil {
				test.check(t, l, guest)
			}
			reaches(t, l, testlab.InsideV4)
			disconnect(t, c)
			must(t, guest.Expect(within(t, 20*time.Second), regexp.MustCompile(`LCP terminated by peer|rcvd \[LCP TermReq|Connection closed to|peer closed`)))
			unchanged(t, l, before)
		})
	}
}

// rekeyed waits for new keys while packets flow. One may be lost, that comes by the new keys
// while strongSwan still puts them in place.
func rekeyed(t *testing.T, l *testlab.Lab, guest *testlab.Guest) { rekeyedUntil(t, l, guest, 1) }

// renewed waits for another main mode, too.
func renewed(t *testing.T, l *testlab.Lab, guest *testlab.Guest) { rekeyedUntil(t, l, guest, 2) }

func rekeyedUntil(t *testing.T, l *testlab.Lab, guest *testlab.Guest, logins int) {
	pings, err := l.Client.Ping(testlab.InsideV4, 100*time.Millisecond)
	must(t, err)
	must(t, testlab.Await(within(t, 40*time.Second), "three pairs of SAs", func() bool {
		return strings.Count(guest.Output(), "CHILD_SA l2tp{") >= 3 && strings.Count(guest.Output(), "] established between") >= logins
	}))
	if p := pings.Stop(); len(p.Lost) > 1 {
		t.Errorf("pings lost: %s", p)
	}
	if !fromNAT.MatchString(guest.Output()) {
		t.Error("there was no NAT")
	}
}

// A way that loses every twentieth packet, in both directions, from the first message on.
func TestL2TPWithXl2tpdBadLine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	guest := xl2tpd(t, l, testlab.Xl2tpd{ChildRekey: 6})
	before := snapshot(t, l)
	must(t, l.Gateway.Nft(`table inet bad {
	chain passing {
		type filter hook forward priority 0
		udp dport { 500, 4500 } numgen random mod 100 < 5 drop
		udp sport { 500, 4500 } numgen random mod 100 < 5 drop
	}
}`))
	c := connectL2TP(t, l, testlab.GuestV4, l2tpAnswers())
	must(t, testlab.Await(within(t, 60*time.Second), "new keys", func() bool {
		return strings.Count(guest.Output(), "CHILD_SA l2tp{") >= 2
	}))
	bothWays(t, l, testlab.InsideV4, 300_000)
	disconnect(t, c)
	unchanged(t, l, before)
}

// Proposals that are weak are refused in words that name the option.
func TestL2TPWeakProposalsAreRefused(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	xl2tpd(t, l, testlab.Xl2tpd{IKE: "3des-sha1-modp1024"})
	c, err := l.Launch(l2tp(testlab.GuestV4), l2tpAnswers())
	must(t, err)
	code, err := c.Wait(60 * time.Second)
	must(t, err)
	if text := strings.Join(strings.Fields(c.Stderr()), " "); code == 0 || !strings.Contains(text, "option ike") {
		t.Errorf("exit status %d: %q", code, text)
	}
}
