package e2e

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// The gateway of the tests is believed because sstp-client does, whose binding of the login
// and whose pppd are not ours.
func TestSSTPGateIsBelieved(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	sstpGate(t, l, testlab.SSTPGate{})
	guest, err := l.StartGuest(fmt.Sprintf(`
EVENT_NOEPOLL=1 sstpc --log-level 4 --log-stderr --cert-warn --user %s --password %s %s noauth nodefaultroute debug logfd 2 &
echo ready
until ip -4 address show dev ppp0 2>/dev/null | grep -q 10.88; do sleep 0.2; done
ping -c3 -W2 -I ppp0 10.88.0.1
`, testlab.User, testlab.Password, testlab.GatewayName))
	must(t, err)
	must(t, guest.Expect(within(t, 60*time.Second), regexp.MustCompile(` 0% packet loss`)))
	if want := regexp.MustCompile("CRYPTO BIND"); !want.MatchString(guest.Output()) {
		t.Error("the login was not bound")
	}
}

// pppd, in the ways that it knows.
func TestSSTPWithPPPD(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, require := range map[string]string{
		"MS-CHAPv2": "require-mschap-v2 refuse-mschap refuse-chap refuse-pap refuse-eap", "CHAP": "require-chap refuse-mschap refuse-mschap-v2 refuse-pap refuse-eap",
		"EAP-TLS": "require-eap refuse-chap refuse-mschap refuse-mschap-v2 refuse-pap",
		"PAP":     "require-pap refuse-chap refuse-mschap refuse-mschap-v2 refuse-eap", "EAP": "require-eap refuse-chap refuse-mschap refuse-mschap-v2 refuse-pap",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			certificates := ""
			if name == "EAP-TLS" {
				certificates = fmt.Sprintf("echo 'alice gate - %s %s %s *' >/etc/ppp/eaptls-server", l.PKI.Cert("server"), l.PKI.Cert("ca"), l.PKI.Key("server"))
			}
			guest := pppd(t, l, require, certificates)
			sstpGate(t, l, testlab.SSTPGate{PPPD: testlab.GuestV4 + ":9000"})
			before := snapshot(t, l)
			args := []string{}
			if strings.HasPrefix(name, "EAP") {
				args = []string{"--auth-methods", "eap"}
			}
			spec := sstp(args...)
			if name == "EAP-TLS" {
				spec.Cert, spec.Extra = "alice", append(args, "--eap-methods", "tls", "--eap-server", testlab.GatewayName)
			}
			c := connect(t, l, spec)
			// A guest's line is slow, and loses what it cannot hold. pppd asks for an echo each
			// second, and gives up without two in a row.
			bothWays(t, l, testlab.InsideV4, 1_000_000)
			if strings.Contains(name, "CHAP") {
				must(t, testlab.Await(within(t, 30*time.Second), "pppd to ask again for a login", func() bool {
					return strings.Count(guest.Output(), "sent [CHAP Success") > 3
				}))
			}
			reaches(t, l, "10.88.0.1")
			if name == "EAP-TLS" && !regexp.MustCompile(`EAP Response .*TLS`).MatchString(guest.Output()) {
				t.Error("the login was by something else")
			}
			if mtu := c.MTU(); mtu != 1350 {
				t.Errorf("MTU %d, want pppd's MRU of 1350", mtu)
			}
			disconnect(t, c)
			must(t, guest.Expect(within(t, 20*time.Second), regexp.MustCompile(`LCP terminated by peer|rcvd \[LCP TermReq`)))
			unchanged(t, l, before)
		})
	}
}

// pppd is a guest with pppd on a port.
func pppd(t *testing.T, l *testlab.Lab, require, more string) *testlab.Guest {
	t.Helper()
	guest, err := l.StartGuest(fmt.Sprintf(`
umask 077
for f in chap pap; do echo '%s * %s *' >/etc/ppp/$f-secrets; done
%s
python3 - <<'X'
import socket, subprocess
s = socket.create_server(("", 9000))
print("ready", flush=True)
while True:
    c, _ = s.accept()
    subprocess.Popen("pppd notty local debug logfd 2 name gate auth %s mru 1350 lcp-echo-interval 1 lcp-echo-failure 2 chap-interval 2 ms-dns 10.99.0.1 10.88.0.1:10.88.0.2".split(), stdin=c, stdout=c)
    c.close()
X
`, testlab.User, testlab.Password, more, require))
	must(t, err)
	_, err = l.Gateway.Run("ip", "route", "add", "10.88.0.2/32", "via", testlab.GuestV4)
	must(t, err)
	return guest
}
