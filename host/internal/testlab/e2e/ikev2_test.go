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

// The packets outside are IPv6, and the certificate is pinned all the same.
func TestIKEv2OutsideIPv6(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	strongswan(t, l, testlab.Strongswan{Auth: "eap-mschapv2"})
	before := snapshot(t, l)
	args := ikev2(l, eap(t, l, "server")...).Args(l, testlab.Spec{})
	args[len(args)-1] = "[" + testlab.GatewayV6 + "]"
	c, err := l.Connect(within(t, 20*time.Second), testlab.Argv(args), answers())
	must(t, err)
	status(t, l)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	bothWays(t, l, testlab.InsideV6, 1_000_000)
	disconnect(t, c)
	unchanged(t, l, before)
}

// Every family of ciphers, and every group, weak ones by name.
func TestIKEv2Suites(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	suites := [][2]string{ // of IKE and ESP
		{"aes256gcm16-prfsha384-ecp384", "aes256gcm16"}, {"aes128gcm16-prfsha256-curve25519", "aes128gcm16"},
		{"chacha20poly1305-prfsha512-ecp521", "chacha20poly1305"}, {"aes256-sha256-modp2048", "aes256-sha256"},
		{"aes192-sha384-modp3072", "aes192-sha384"}, {"aes128-sha512-modp4096", "aes256-sha512"},
		{"aes128-sha1-modp6144", "aes128-sha1"}, {"aes256-sha256-prfsha512-modp8192", "aes192gcm16"},
		{"aes128-sha256-ecp256", "aes128-sha256"}, {"aes128-sha1-modp1536", "aes128-md5"},
		{"3des-md5-modp1024", "aes256-sha1"},
	}
	var ikes, esps []string
	for _, s := range suites {
		ikes, esps = append(ikes, s[0]), append(esps, s[1])
	}
	l := lab(t)
	server := strongswan(t, l, testlab.Strongswan{IKE: strings.Join(ikes, ","), ESP: strings.Join(esps, ",")})
	for _, s := range suites {
		t.Run(s[0]+" "+s[1], func(t *testing.T) {
			c := connectIKEv2(t, l, psk("--ike", s[0], "--esp", s[1])...)
			reaches(t, l, testlab.InsideV4)
			bothWays(t, l, testlab.InsideV4, 1_000_000)
			disconnect(t, c)
		})
	}
	if !strings.Contains(server.Output(), "selected proposal: IKE:3DES_CBC/HMAC_MD5_96/PRF_HMAC_MD5/MODP_1024") {
		t.Error("3DES was not used although it was named")
	}
}

// Each refusal says why, and which option to look at.
func TestIKEv2Refusals(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, test := range []struct {
		name   string
		server testlab.Strongswan
		args   func(*testing.T, *testlab.Lab) []string
		secret string
		code   int
		words  string
		silent bool // the gateway hears nothing
	}{
		{"wrong pre-shared key", testlab.Strongswan{}, func(*testing.T, *testlab.Lab) []string { return psk() }, "wrong", exitRefused, "pre-shared key", false},
		{"wrong password", testlab.Strongswan{Auth: "eap-mschapv2"}, func(t *testing.T, l *testlab.Lab) []string { return eap(t, l, "server") }, "wrong", exitRefused, "wrong|refused|failed", false},
		{"no pin", testlab.Strongswan{Auth: "eap-mschapv2"}, func(*testing.T, *testlab.Lab) []string { return []string{"--username", "alice"} }, testlab.Password, exitCertificate, "pin-sha256:", false},
		{"another pin", testlab.Strongswan{Auth: "eap-mschapv2"}, func(t *testing.T, l *testlab.Lab) []string { return eap(t, l, "server-ec") }, testlab.Password, exitCertificate, "does not match", false},
		{"another identity", testlab.Strongswan{ID: "elsewhere.test"}, func(*testing.T, *testlab.Lab) []string { return psk() }, testlab.Password, exitRefused, "remote-id|local-id|identity", false},
		{"weak ciphers alone", testlab.Strongswan{IKE: "3des-md5-modp1024"}, func(*testing.T, *testlab.Lab) []string { return psk() }, testlab.Password, exitUsage, "option ike", false},
		{"another way to log in", testlab.Strongswan{}, func(t *testing.T, l *testlab.Lab) []string { return eap(t, l, "server") }, testlab.Password, exitUsage, "option auth", false},
		{"no answer", testlab.Strongswan{}, func(*testing.T, *testlab.Lab) []string { return psk() }, testlab.Password, exitUnreachable, "does not answer", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			strongswan(t, l, test.server)
			if test.silent {
				_, err := l.DropUDP(500)
				must(t, err)
			}
			refusedBy(t, l, ikev2(l, test.args(t, l)...), testlab.Spec{Answers: []string{test.secret}}, 100*time.Second, test.code, test.words)
		})
	}
}
