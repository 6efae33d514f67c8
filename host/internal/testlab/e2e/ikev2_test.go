package e2e

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

func strongswan(t *testing.T, l *testlab.Lab, s testlab.Strongswan) *testlab.Charon {
	t.Helper()
	c, err := l.StartStrongswan(s)
	must(t, err)
	return c
}

// ikev2 is a connection by IKEv2: who logs in, and with what.
func ikev2(l *testlab.Lab, extra ...string) testlab.Client {
	args := []string{penstock.Program(), "connect", "--protocol", "ikev2", "--plugin-dir", penstock.Plugins(), "--password-stdin"}
	return testlab.Argv(append(append(args, extra...), testlab.GatewayName))
}

// psk and eap are the two ways to log in; the gateway's certificate is pinned.
func psk(extra ...string) []string {
	return append([]string{"--auth", "psk", "--local-id", "alice@vpn.test", "--remote-id", testlab.GatewayName}, extra...)
}

func eap(t *testing.T, l *testlab.Lab, cert string, extra ...string) []string {
	return append([]string{"--username", testlab.User, "--servercert", pinOf(t, l, cert)}, extra...)
}

func pinOf(t *testing.T, l *testlab.Lab, cert string) string {
	t.Helper()
	text, err := os.ReadFile(l.PKI.Cert(cert))
	must(t, err)
	block, _ := pem.Decode(text)
	c, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return "pin-sha256:" + base64.StdEncoding.EncodeToString(sum[:])
}

// answers are what the spec types in: the password, which is the pre-shared key too.
func answers() testlab.Spec { return testlab.Spec{Answers: []string{testlab.Password}} }

func connectIKEv2(t *testing.T, l *testlab.Lab, args ...string) *testlab.Connection {
	t.Helper()
	c, err := l.Connect(within(t, 20*time.Second), ikev2(l, args...), answers())
	must(t, err)
	status(t, l)
	return c
}

func TestIKEv2Logins(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, test := range []struct {
		name   string
		server testlab.Strongswan
		args   func(*testing.T, *testlab.Lab) []string
	}{
		{"pre-shared key", testlab.Strongswan{}, func(*testing.T, *testlab.Lab) []string { return psk() }},
		{"EAP-MSCHAPv2", testlab.Strongswan{Auth: "eap-mschapv2"}, func(t *testing.T, l *testlab.Lab) []string { return eap(t, l, "server") }},
		{"EAP-MD5, ECDSA", testlab.Strongswan{Auth: "eap-md5", Cert: "server-ec"}, func(t *testing.T, l *testlab.Lab) []string { return eap(t, l, "server-ec") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			before := snapshot(t, l)
			server := strongswan(t, l, test.server)
			c := connectIKEv2(t, l, test.args(t, l)...)
			reaches(t, l, testlab.InsideV4, testlab.InsideV6)
			bothWays(t, l, testlab.InsideV4, 5_000_000)
			disconnect(t, c)
			unchanged(t, l, before)
			if sas, err := server.SAs(); err != nil || strings.Contains(sas, "ESTABLISHED") {
				t.Errorf("the gateway still has %s, %v", sas, err)
			}
		})
	}
}
