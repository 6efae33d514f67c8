package e2e

import (
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// The gateway is who its certificate says, by the authorities that the user trusts; and
// so is the user, whose key stays in the host.
func TestIKEv2Certificates(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	byAuthority := func(l *testlab.Lab, more ...string) []string {
		return append([]string{"--cafile", l.PKI.Cert("ca")}, more...)
	}
	byKey := func(user string) func(*testlab.Lab) []string {
		return func(l *testlab.Lab) []string {
			return byAuthority(l, "--auth", "cert", "--usercert", l.PKI.Cert(user), "--userkey", l.PKI.Key(user))
		}
	}
	for name, test := range map[string]struct {
		server testlab.Strongswan
		args   func(l *testlab.Lab) []string
	}{
		"password": {testlab.Strongswan{Auth: "eap-mschapv2"}, func(l *testlab.Lab) []string { return byAuthority(l, "--username", testlab.User) }},
		"password, name": {testlab.Strongswan{Auth: "eap-mschapv2"}, func(l *testlab.Lab) []string {
			return byAuthority(l, "--username", testlab.User, "--remote-id", testlab.GatewayName)
		}},
		"password, subject": {testlab.Strongswan{Auth: "eap-mschapv2", ID: "O=Penstock lab, CN=vpn.test"}, func(l *testlab.Lab) []string {
			return byAuthority(l, "--username", testlab.User, "--remote-id", "o=Penstock lab, cn=vpn.test")
		}},
		"large": {testlab.Strongswan{Auth: "eap-mschapv2", Cert: "server-large"}, func(l *testlab.Lab) []string { return byAuthority(l, "--username", testlab.User) }},
		"RSA":   {testlab.Strongswan{Auth: "pubkey"}, byKey("alice")},
		"ECDSA": {testlab.Strongswan{Auth: "pubkey", Cert: "server-ec"}, byKey("alice-ec")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			strongswan(t, l, test.server)
			c := connectIKEv2(t, l, test.args(l)...)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			disconnect(t, c)
		})
	}
}

func TestIKEv2CertificatesRefused(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	by := func(user string) func(*testlab.Lab) []string {
		return func(l *testlab.Lab) []string {
			return []string{"--cafile", l.PKI.Cert("ca"), "--usercert", l.PKI.Cert(user), "--userkey", l.PKI.Key(user)}
		}
	}
	for name, test := range map[string]struct {
		gateway string // its certificate
		args    func(l *testlab.Lab) []string
		exit    int
		says    string
	}{
		"unknown authority": {"unknown", by("alice"), exitCertificate, "no known authority.*servercert"},
		"another name":      {"misnamed", by("alice"), exitCertificate, "elsewhere.test, not for vpn.test"},
		"expired":           {"expired", by("alice"), exitCertificate, "expired"},
		"no certificate":    {"server", func(l *testlab.Lab) []string { return []string{"--cafile", l.PKI.Cert("ca")} }, exitUsage, "usercert"},
		"a stranger's":      {"server", by("mallory"), exitRefused, "refused the certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			strongswan(t, l, testlab.Strongswan{Auth: "pubkey", Cert: test.gateway, ID: "%any"})
			refusedBy(t, l, ikev2(l, append(test.args(l), "--auth", "cert", "--non-inter")...), testlab.Spec{}, 30*time.Second, test.exit, test.says)
		})
	}
}
