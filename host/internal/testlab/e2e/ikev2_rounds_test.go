package e2e

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// Two logins in one (RFC 4739), in either order, with what each of them asks for.
func TestIKEv2TwoLogins(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	byKey := func(l *testlab.Lab, more ...string) []string {
		return append([]string{"--cafile", l.PKI.Cert("ca"), "--usercert", l.PKI.Cert("alice"), "--userkey", l.PKI.Key("alice"), "--username", testlab.User}, more...)
	}
	for name, test := range map[string]struct {
		server  testlab.Strongswan
		args    func(l *testlab.Lab) []string
		answers []string
		said    []string // by the gateway, in that order
	}{
		"certificate, password": {testlab.Strongswan{Auth: "pubkey", Auth2: "eap-mschapv2"},
			func(l *testlab.Lab) []string { return byKey(l, "--auth", "cert", "--auth2", "eap") }, nil,
			[]string{"with RSA_EMSA.* successful", "EAP method EAP_MSCHAPV2 succeeded", "authentication of 'alice' with EAP successful"}},
		"password, certificate": {testlab.Strongswan{Auth: "eap-md5", Auth2: "pubkey"},
			func(l *testlab.Lab) []string { return byKey(l, "--auth2", "cert") }, nil,
			[]string{"EAP method EAP_MD5 succeeded", "authentication of 'O=Penstock lab, .*CN=alice.*' with RSA_EMSA.* successful"}},
		"pre-shared key, password": {testlab.Strongswan{Auth: "psk", Auth2: "eap-mschapv2"},
			func(*testlab.Lab) []string { return psk("--auth2", "eap", "--username", testlab.User) }, []string{testlab.Password, testlab.Password},
			[]string{"authentication of 'alice@vpn.test' with pre-shared key successful", "EAP method EAP_MSCHAPV2 succeeded"}},
		"certificate, pre-shared key": {testlab.Strongswan{Auth: "pubkey", Auth2: "psk"},
			func(l *testlab.Lab) []string { return byKey(l, "--auth", "cert", "--auth2", "psk") }, nil,
			[]string{"with RSA_EMSA.* successful", "authentication of 'alice' with pre-shared key successful"}},
		"two passwords": {testlab.Strongswan{Auth: "eap-mschapv2", Auth2: "eap-md5"},
			func(l *testlab.Lab) []string {
				return []string{"--cafile", l.PKI.Cert("ca"), "--username", testlab.User, "--auth2", "eap", "--secondary-username", "bob"}
			}, []string{testlab.Password, testlab.Password + "-2"},
			[]string{"EAP method EAP_MSCHAPV2 succeeded", "EAP method EAP_MD5 succeeded", "authentication of 'bob' with EAP successful"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			server := strongswan(t, l, test.server)
			spec := answers()
			if test.answers != nil {
				spec.Answers = test.answers
			}
			c, err := l.Connect(within(t, 20*time.Second), ikev2(l, test.args(l)...), spec)
			must(t, err)
			status(t, l)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			disconnect(t, c)
			if want := "(?s)" + strings.Join(test.said, ".*"); !regexp.MustCompile(want).MatchString(server.Output()) {
				t.Errorf("the gateway never said %q: %s", want, server.Tail(60))
			}
		})
	}
}

// Either login may be refused, and a gateway may want no second one.
func TestIKEv2TwoLoginsRefused(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	both := func(user string, more ...string) func(l *testlab.Lab) []string {
		return func(l *testlab.Lab) []string {
			return append([]string{"--cafile", l.PKI.Cert("ca"), "--auth", "cert", "--auth2", "eap", "--usercert", l.PKI.Cert(user), "--userkey", l.PKI.Key(user), "--username", testlab.User}, more...)
		}
	}
	two := testlab.Strongswan{Auth: "pubkey", Auth2: "eap-mschapv2"}
	for name, test := range map[string]struct {
		server testlab.Strongswan
		args   func(l *testlab.Lab) []string
		secret string
		exit   int
		says   string
	}{
		"the certificate":         {two, both("mallory"), testlab.Password, exitRefused, "refused the certificate"},
		"the password":            {two, both("alice"), "wrong", exitRefused, "wrong|refused|failed"},
		"one way twice":           {two, both("alice", "--auth2", "cert"), testlab.Password, exitUsage, "auth2"},
		"only the first is given": {two, both("alice", "--auth2", "none"), testlab.Password, exitRefused, "refused the certificate.*auth2"},
		"the gateway wants one":   {testlab.Strongswan{Auth: "pubkey"}, both("alice"), testlab.Password, exitUsage, "auth2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			strongswan(t, l, test.server)
			refusedBy(t, l, ikev2(l, append(test.args(l), "--non-inter")...), testlab.Spec{Answers: []string{test.secret}}, 30*time.Second, test.exit, test.says)
		})
	}
}
