package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// eapArgs log in by an EAP method, with the lab's authority for all certificates.
func eapArgs(l *testlab.Lab, method string, extra ...string) []string {
	return append([]string{"--cafile", l.PKI.Cert("ca"), "--eap-methods", method}, extra...)
}

func asAlice(method string, extra ...string) func(*testlab.Lab) []string {
	return func(l *testlab.Lab) []string {
		return eapArgs(l, method, append([]string{"--username", testlab.User}, extra...)...)
	}
}

func byEAPTLS(user string, extra ...string) func(*testlab.Lab) []string {
	return func(l *testlab.Lab) []string {
		return eapArgs(l, "tls", append([]string{"--usercert", l.PKI.Cert(user), "--userkey", l.PKI.Key(user)}, extra...)...)
	}
}

// strongSwan itself ends TLS, which knows no extended master secret in version 1.2. In
// 1.3 it does not follow RFC 9190 and RFC 9427 before 5.9.10.
func TestIKEv2EAPOverTLS(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, test := range map[string]struct {
		server testlab.Strongswan
		args   func(*testlab.Lab) []string
		said   string // by the gateway
	}{
		"EAP-TLS":                      {testlab.Strongswan{Auth: "eap-tls"}, byEAPTLS("alice"), "EAP method EAP_TLS succeeded, MSK established"},
		"EAP-TLS, ECDSA":               {testlab.Strongswan{Auth: "eap-tls", Cert: "server-ec"}, byEAPTLS("alice-ec"), "negotiated TLS"},
		"EAP-TLS, large certificate":   {testlab.Strongswan{Auth: "eap-tls", Cert: "server-large"}, byEAPTLS("alice"), "negotiated TLS"},
		"EAP-TLS alone":                {testlab.Strongswan{Auth: "eap-tls", EAPOnly: true}, byEAPTLS("alice", "--eap-only"), "negotiated TLS"},
		"EAP-TTLS with EAP":            {testlab.Strongswan{Auth: "eap-ttls"}, asAlice("ttls-eap"), "EAP method EAP_TTLS succeeded, MSK established"},
		"EAP-TTLS with EAP, anonymous": {testlab.Strongswan{Auth: "eap-ttls"}, asAlice("ttls-eap", "--eap-identity", "anonymous"), "received EAP identity 'anonymous'"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			server := strongswan(t, l, test.server)
			c := connectIKEv2(t, l, test.args(l)...)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			disconnect(t, c)
			if !strings.Contains(server.Output(), test.said) {
				t.Errorf("the gateway never said %q: %s", test.said, server.Tail(60))
			}
		})
	}
}

// A server of RADIUS behind the gateway ends TLS.
func TestIKEv2EAPByRADIUS(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, test := range map[string]struct {
		server testlab.RADIUS
		args   func(*testlab.Lab) []string
	}{
		"TLS":                {testlab.RADIUS{Method: "TLS"}, byEAPTLS("alice")},
		"TTLS with PAP":      {testlab.RADIUS{Method: "TTLS", Inside: "TTLS-PAP"}, asAlice("ttls")},
		"TTLS with MSCHAPv2": {testlab.RADIUS{Method: "TTLS", Inside: "TTLS-MSCHAPV2"}, asAlice("ttls-mschapv2")},
		"TTLS with EAP":      {testlab.RADIUS{Method: "TTLS", Inside: "MSCHAPV2"}, asAlice("ttls-eap")},
		"PEAP with MSCHAPv2": {testlab.RADIUS{Method: "PEAP", Inside: "MSCHAPV2"}, asAlice("peap", "--eap-identity", "anonymous")},
		"PEAP with GTC":      {testlab.RADIUS{Method: "PEAP", Inside: "GTC"}, asAlice("peap")},
		"whatever it wants": {testlab.RADIUS{Method: "PEAP", Inside: "MSCHAPV2"}, func(l *testlab.Lab) []string {
			return []string{"--cafile", l.PKI.Cert("ca"), "--username", testlab.User}
		}},
	} {
		for version, tls13 := range map[string]bool{"TLS 1.2": false, "TLS 1.3": true} {
			if tls13 && test.server.Method == "PEAP" {
				continue // hostapd 2.10 derives the keys of PEAP in TLS 1.3 as nobody else
			}
			t.Run(name+", "+version, func(t *testing.T) {
				t.Parallel()
				l := lab(t)
				server := test.server
				server.TLS13 = tls13
				radius, err := l.StartRADIUS(server)
				must(t, err)
				strongswan(t, l, testlab.Strongswan{Auth: "eap-radius"})
				c := connectIKEv2(t, l, test.args(l)...)
				reaches(t, l, testlab.InsideV4)
				disconnect(t, c)
				if used := "Using TLS version " + strings.Replace(version, " ", "v", 1); !strings.Contains(radius.Output(), used) {
					t.Errorf("the server of RADIUS never said %q", used)
				}
			})
		}
	}
}

func TestIKEv2EAPOverTLSRefused(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	pap := testlab.RADIUS{Method: "TTLS", Inside: "TTLS-PAP"}
	for name, test := range map[string]struct {
		server testlab.Strongswan
		radius testlab.RADIUS
		args   func(*testlab.Lab) []string
		secret string
		exit   int
		says   string
	}{
		"a stranger's certificate":       {testlab.Strongswan{Auth: "eap-tls"}, testlab.RADIUS{}, byEAPTLS("mallory"), "", exitRefused, "refused the certificate"},
		"no certificate":                 {testlab.Strongswan{Auth: "eap-tls"}, testlab.RADIUS{}, func(l *testlab.Lab) []string { return eapArgs(l, "tls") }, "", exitUsage, "usercert"},
		"wrong password in EAP":          {testlab.Strongswan{Auth: "eap-ttls"}, testlab.RADIUS{}, asAlice("ttls-eap"), "wrong", exitRefused, "wrong|refused"},
		"wrong password in PAP":          {testlab.Strongswan{Auth: "eap-radius"}, pap, asAlice("ttls"), "wrong", exitRefused, "refused"},
		"wrong password in MSCHAPv2":     {testlab.Strongswan{Auth: "eap-radius"}, testlab.RADIUS{Method: "TTLS", Inside: "TTLS-MSCHAPV2"}, asAlice("ttls-mschapv2"), "wrong", exitRefused, "the gateway says: Failed"},
		"wrong password in PEAP":         {testlab.Strongswan{Auth: "eap-radius"}, testlab.RADIUS{Method: "PEAP"}, asAlice("peap"), "wrong", exitRefused, "user name or password is"},
		"another server":                 {testlab.Strongswan{Auth: "eap-radius"}, testlab.RADIUS{Method: "PEAP", Cert: "misnamed"}, asAlice("peap"), testlab.Password, exitCertificate, "elsewhere.test, not for vpn.test"},
		"another server of no authority": {testlab.Strongswan{Auth: "eap-radius"}, testlab.RADIUS{Method: "TTLS", Inside: "TTLS-PAP", Cert: "unknown"}, asAlice("ttls"), testlab.Password, exitCertificate, "no known authority"},
		"another method":                 {testlab.Strongswan{Auth: "eap-radius"}, pap, asAlice("peap"), testlab.Password, exitUsage, "EAP-TTLS.*eap-methods"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			if test.radius.Method != "" {
				_, err := l.StartRADIUS(test.radius)
				must(t, err)
			}
			strongswan(t, l, test.server)
			refusedBy(t, l, ikev2(l, append(test.args(l), "--non-inter")...), testlab.Spec{Answers: []string{test.secret}}, 30*time.Second, test.exit, test.says)
		})
	}
}

// The server of EAP has a name of its own, and is trusted by that.
func TestIKEv2EAPServerName(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	_, err := l.StartRADIUS(testlab.RADIUS{Method: "PEAP", Cert: "misnamed"})
	must(t, err)
	strongswan(t, l, testlab.Strongswan{Auth: "eap-radius"})
	c := connectIKEv2(t, l, asAlice("peap", "--eap-server", "elsewhere.test")(l)...)
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
}
