package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

const (
	noOther  = " refuse-mschap refuse-chap refuse-pap refuse-eap"
	clearPPP = "require-mschap-v2 nomppe" + noOther
	rightPPP = "require-mschap-v2 require-mppe-128" + noOther
	papOnly  = "require-pap nomppe refuse-chap refuse-mschap refuse-mschap-v2 refuse-eap"
	md5Only  = "require-chap nomppe refuse-pap refuse-mschap refuse-mschap-v2 refuse-eap"
	eapOnly  = "require-eap refuse-pap refuse-chap refuse-mschap refuse-mschap-v2"
)

// stateful has pppd ask for stateful keys: it agrees to them, and never asks.
const stateful = `
char pppd_version[] = "2.4.9";
extern struct { unsigned char others[6], mppe; } ccp_wantoptions[];
void plugin_init(void) { ccp_wantoptions[0].mppe |= 4; }
`

// pptpWay is one way of a pppd to be, and what comes of it.
type pptpWay struct {
	name, pppd string
	extra      []string // that the client needs to be told
	cipher     string
	mtu        int
	refused    string // what a client says that was told nothing; empty: it connects
}

// pptpWays are each served by a pptpd of its own, the first with nothing to be told.
func pptpWays(t *testing.T, l *testlab.Lab) []pptpWay {
	const mppe = "mppe128-stateless"
	clear := "--require-mppe=false"
	return []pptpWay{
		{"login", rightPPP, nil, mppe, 1396, ""},
		{"PAP in the clear", papOnly, []string{"--auth-methods", "pap", clear}, "", 1400, "auth-methods"},
		{"CHAP with MD5", md5Only, []string{"--auth-methods", "chap-md5", clear}, "", 1400, "auth-methods"},
		{"no MPPE", clearPPP, []string{clear}, "", 1400, "require-mppe"},
		{"weak keys", strings.Replace(rightPPP, "128", "40", 1), []string{"--allow-mppe-40"}, "mppe40-stateless", 1396, "allow-mppe-40"},
		{"stateful keys", rightPPP + " mppe-stateful plugin " + library(t, l, stateful), []string{"--mppe-stateful"}, "mppe128", 1396, ""},
		{"EAP-TLS", eapOnly + " require-mppe-128", []string{"--auth-methods", "eap", "--eap-methods", "tls", "--eap-server", testlab.GatewayName}, mppe, 1396, ""},
		{"EAP-MSCHAPv2", eapOnly + " nomppe", []string{"--auth-methods", "eap", "--eap-methods", "mschapv2", clear}, "", 1400, ""},
		{"small MRU", rightPPP + " mru 600 mtu 700", nil, mppe, 596, ""},
		{"tiny MRU", rightPPP + " mru 128 mtu 1500", nil, mppe, 576, ""},
		{"own MTU", rightPPP + " mru 1500", []string{"--mtu", "1000"}, mppe, 1000, ""},
	}
}

// pptpd starts pptpd with pppd in a Linux in user mode, once for each of pppd's options, at
// addresses of its own. It carries 10.88.0.0/16; the client reaches it
// through the gateway's machine, as through any router.
func pptpd(t *testing.T, l *testlab.Lab, more string, options ...string) *testlab.Guest {
	t.Helper()
	script := fmt.Sprintf("umask 077\nfor f in chap pap; do echo '%s * %s *' >/etc/ppp/$f-secrets; done\n", testlab.User, testlab.Password)
	script += "touch /run/pppd.log\ntail -F /run/pppd.log 2>/dev/null &\n" + more + "\n"
	for i, o := range options {
		script += fmt.Sprintf(`
ip address add %[1]s/24 dev vec0 2>/dev/null
echo 'name gate auth %[2]s nobsdcomp nodeflate novj nolock debug logfile /run/pppd.log lcp-echo-interval 5 lcp-echo-failure 6 ms-dns 10.99.0.1' >/etc/ppp/pptpd%[3]d
printf 'option /etc/ppp/pptpd%[3]d\nlisten %[1]s\nlocalip 10.88.%[3]d.1\nremoteip 10.88.%[3]d.10-20\nnoipparam\npidfile /run/pptpd%[3]d.pid\nppp %%s\n' "${PPPD-/usr/sbin/pppd}" >/run/pptpd%[3]d.conf
pptpd -f -c /run/pptpd%[3]d.conf </dev/null &
`, pptpAddress(i), o, i)
	}
	guest, err := l.StartGuest(script + fmt.Sprintf("until [ $(grep -c ':06BB .* 0A ' /proc/net/tcp) = %d ]; do sleep 0.1; done\necho ready\nwait\n", len(options)))
	must(t, err)
	must(t, l.Gateway.Do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) }))
	_, err = l.Gateway.Run("ip", "route", "add", "10.88.0.0/16", "via", testlab.GuestV4)
	must(t, err)
	return guest
}

// pptpAddress is that of the i-th pptpd.
func pptpAddress(i int) string {
	if i == 0 {
		return testlab.GuestV4
	}
	return fmt.Sprintf("10.78.0.%d", 10+i)
}

// pptp is a user's connection by PPTP, to the i-th pptpd.
func pptp(i int, extra ...string) testlab.Spec {
	s := alice()
	s.Protocol, s.URL, s.Extra = "pptp", pptpAddress(i), append([]string{"--allow-insecure"}, extra...)
	return s
}

// pptpBytes are of a transfer: a guest's processor is slow.
const pptpBytes = 2_000_000

func TestPPTP(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ways := pptpWays(t, l)
	var pppds []string
	for _, w := range ways {
		pppds = append(pppds, w.pppd)
	}
	guest := pptpd(t, l, eapTLSServer(l), pppds...)
	before := snapshot(t, l)
	for i, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			spec := pptp(i, w.extra...)
			if w.name == "EAP-TLS" {
				spec.Cert = "alice"
			}
			c := connect(t, l, spec)
			if st := status(t, l); st.Protocol != "pptp" || st.Transport != "gre" || st.Cipher != w.cipher {
				t.Errorf("status: %+v, want the cipher %q", st, w.cipher)
			}
			if mtu := c.MTU(); mtu != w.mtu {
				t.Errorf("MTU %d, want %d", mtu, w.mtu)
			}
			size := int64(200_000)
			if i == 0 {
				size = pptpBytes
				reaches(t, l, "10.88.0.1", testlab.Beyond)
			}
			bothWays(t, l, testlab.InsideV4, size)
			disconnect(t, c)
			must(t, guest.Expect(within(t, 20*time.Second), regexp.MustCompile(`LCP terminated by peer|rcvd \[LCP TermReq`)))
			unchanged(t, l, before)
		})
	}
	t.Run("refusals", func(t *testing.T) { pptpRefusals(t, l, ways, before) })
}

// pptpRefusals: what is weak is refused, by the name of the option that allows it.
func pptpRefusals(t *testing.T, l *testlab.Lab, ways []pptpWay, before testlab.Snapshot) {
	insecure, wrong := pptp(0), pptp(0)
	insecure.Extra, wrong.Answers = nil, []string{"wrong"}
	refusedBy(t, l, client, insecure, 60*time.Second, exitUsage, "allow-insecure")
	refusedBy(t, l, client, wrong, 60*time.Second, exitRefused, "user name|password")
	for i, w := range ways {
		if w.refused != "" {
			refusedBy(t, l, client, pptp(i), 60*time.Second, exitUsage, w.refused)
		}
	}
	unchanged(t, l, before)
}

// The line loses and reorders, and the gateway asks for new logins. (It ends the link rather than
// agree on new keys.) Then another pppd takes the line over, and negotiates all of it anew.
func TestPPTPBadLine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	another := filepath.Join(l.Gateway.Dir, "another") // the guest sees it, too
	guest := pptpd(t, l, `
modprobe -d /run/modules sch_netem
tc qdisc add dev vec0 root netem delay 8ms reorder 25% 50%
PPPD=/run/pppd
printf '#!/bin/sh\n/usr/sbin/pppd "$@"\nexec /usr/sbin/pppd "$@"\n' >$PPPD
chmod 700 $PPPD
(until [ -e `+another+` ]; do sleep 0.2; done; kill -9 $(pidof pppd)) &
`, rightPPP+" chap-interval 10")
	before := snapshot(t, l)
	c := connect(t, l, pptp(0))
	must(t, l.Gateway.Nft(`table inet bad {
	chain passing {
		type filter hook forward priority 0
		ip protocol 47 numgen random mod 100 < 5 drop
	}
}`))
	bothWays(t, l, testlab.InsideV4, 100_000)
	must(t, l.Gateway.Nft("delete table inet bad"))
	said(t, guest, "another login", `sent .CHAP Success`, 2)
	reaches(t, l, "10.88.0.1")
	must(t, os.WriteFile(another, nil, 0o600))
	said(t, guest, "other keys", "MPPE 128-bit stateless compression enabled", 2)
	said(t, guest, "another network", "remote IP address", 2)
	reaches(t, l, "10.88.0.1")
	bothWays(t, l, testlab.InsideV4, 300_000)
	if calls := strings.Count(guest.Output(), "Connect: ppp"); calls != 2 {
		t.Errorf("%d lines of PPP, want the two of one call", calls)
	}
	disconnect(t, c)
	unchanged(t, l, before)
}

// A gateway that ends the call is called again; one that is gone is noticed.
func TestPPTPGatewayGone(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	guest := pptpd(t, l, `
(while sleep 1; do [ -e /run/ppp0.pid ] && sleep 4 && kill $(pidof pppd) && break; done) &
`, rightPPP)
	before := snapshot(t, l)
	c := connect(t, l, pptp(0, "--force-dpd", "4s"))
	must(t, testlab.Await(within(t, 40*time.Second), "a second call", func() bool {
		return strings.Count(guest.Output(), "MPPE 128-bit stateless compression enabled") > 1
	}))
	status(t, l)
	reaches(t, l, "10.88.0.1")
	_, err := guest.Stop(syscall.SIGKILL, 5*time.Second)
	must(t, err)
	_, err = penstock.AwaitStatus(within(t, 30*time.Second), l, "reconnecting", func(s testlab.Status) bool { return s.State != "connected" })
	must(t, err)
	disconnect(t, c)
	unchanged(t, l, before)
}
