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
	for name, hashes := range map[string]int{"SHA-1": 1, "SHA-256": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			sstpGate(t, l, testlab.SSTPGate{Hashes: hashes})
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
		})
	}
}

// tellKey has pppd tell the key of EAP-TLS, of which it keeps a half.
const tellKey = `
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
int SSL_export_keying_material(void *ssl, unsigned char *out, size_t size, const char *label, size_t length, const unsigned char *context, size_t contextlen, int use) {
	int (*real)(void *, unsigned char *, size_t, const char *, size_t, const unsigned char *, size_t, int) = dlsym(RTLD_NEXT, "SSL_export_keying_material");
	int result = real(ssl, out, size, label, length, context, contextlen, use);
	char text[129] = "";
	for (size_t i = 0; i < size && i < 64; i++) sprintf(text + 2 * i, "%02x", out[i]);
	fprintf(stderr, "key %s\n", text);
	return result;
}
`

// sstpWay is one way of a pppd to be.
type sstpWay struct {
	pppd  string
	extra []string // that the client needs to be told
	proof string   // in pppd's log that the login was by that
}

var sstpWays = map[string]sstpWay{
	"MS-CHAPv2":    {"require-mschap-v2" + noOther, nil, "sent .CHAP Success id=0x.. \"S="},
	"CHAP":         {"require-chap refuse-mschap refuse-mschap-v2 refuse-pap refuse-eap", nil, `auth chap MD5`},
	"PAP":          {"require-pap refuse-chap refuse-mschap refuse-mschap-v2 refuse-eap", nil, `sent .PAP AuthAck`},
	"EAP":          {eapOnly, []string{"--auth-methods", "eap"}, `EAP Response .*MD5`},
	"EAP-TLS":      {eapOnly, []string{"--auth-methods", "eap", "--eap-methods", "tls", "--eap-server", testlab.GatewayName}, `EAP Response .*TLS`},
	"EAP-MSCHAPv2": {eapOnly, []string{"--auth-methods", "eap", "--eap-methods", "mschapv2"}, `EAP: MSCHAPv2 success confirmed`},
}

// pppd, in the ways that it knows.
func TestSSTPWithPPPD(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, way := range sstpWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			guest := pppd(t, l, way.pppd)
			gate := sstpGate(t, l, testlab.SSTPGate{PPPD: testlab.GuestV4 + ":9000"})
			before := snapshot(t, l)
			spec := sstp(way.extra...)
			if name == "EAP-TLS" {
				spec.Cert = "alice"
			}
			c := connect(t, l, spec)
			// A guest's line is slow, and loses what it cannot hold. pppd asks for an echo each
			// second, and gives up without two in a row.
			bothWays(t, l, testlab.InsideV4, 500_000)
			if strings.HasPrefix(way.pppd, "require-mschap") || strings.HasPrefix(way.pppd, "require-chap") {
				said(t, guest, "pppd to ask again for a login", "sent .CHAP Success", 4)
			}
			if name == "EAP-TLS" {
				key := regexp.MustCompile(`key ([0-9a-f]{128})`).FindStringSubmatch(guest.Output())
				if key == nil {
					t.Fatal("pppd told no key")
				}
				must(t, gate.Bound(within(t, 10*time.Second), key[1]))
			}
			must(t, gate.Renegotiate())
			said(t, guest, "another pppd, to agree on everything", "remote IP address", 2)
			reaches(t, l, "10.88.0.1", testlab.InsideV4, pppdV6)
			said(t, guest, "the login to be by "+name, way.proof, 2)
			agreed(t, guest)
			if mtu := c.MTU(); mtu != 1350 {
				t.Errorf("MTU %d, want pppd's MRU of 1350", mtu)
			}
			disconnect(t, c)
			must(t, guest.Expect(within(t, 20*time.Second), regexp.MustCompile(`LCP terminated by peer|rcvd \[LCP TermReq`)))
			unchanged(t, l, before)
		})
	}
}

// agreed is what a client agrees on, and does not, in pppd's log.
func agreed(t *testing.T, guest *testlab.Guest) {
	t.Helper()
	for what, pattern := range map[string]string{
		"LCP's options of the gateway": `rcvd .LCP ConfAck id=0x1 <mru 1350> <asyncmap 0x0> <auth \S+.*> <magic 0x\S+> <pcomp> <accomp>`,
		"its own":                      `sent .LCP ConfAck id=0x1 <mru 1400> <magic 0x\S+>`,
		"echoes":                       `rcvd .LCP EchoRep`,
		"compression is not known":     `rcvd .LCP ProtRej id=\S+ 80 fd 01`,
		"name servers":                 `sent .IPCP ConfAck id=\S+ <addr 10.88.0.2> <ms-dns1 10.99.0.1> <ms-wins 10.99.0.2> <ms-dns2 10.99.0.3> <ms-wins 10.99.0.4>`,
	} {
		if !regexp.MustCompile(pattern).MatchString(guest.Output()) {
			t.Errorf("%s: nothing in pppd's log", what)
		}
	}
}
