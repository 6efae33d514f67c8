package e2e

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/hostile"
)

// A one-time password in mid-login, typed at `nmcli --ask`.
func TestNMAskOTP(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{Auth: "otp"})
	d.add(t, corp, d.data("password-flags=2", "otp-flags=2"), "")
	q := d.ask(t, corp)
	q.answer(`vpn\.secrets\.password\): `, testlab.Password)
	q.answer(`OTP password.*vpn\.secrets\.otp\): `, testlab.OTP(time.Now()))
	q.ends(0)
	reaches(t, d.Lab, testlab.InsideV4, testlab.InsideV6)
	d.neverKept(t)
	d.down(t, corp)
	d.nothingLeft(t)
}

// The same without anybody at the terminal, and a code that is wrong.
func TestNMOTPFromFile(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{Auth: "otp"})
	d.add(t, corp, d.data("password-flags=2", "otp-flags=2"), "")
	d.up(t, corp, "passwd-file", d.secretsFile(t, map[string]string{"password": testlab.Password, "otp": testlab.OTP(time.Now())}))
	reaches(t, d.Lab, testlab.InsideV4)
	d.down(t, corp)
	d.nothingLeft(t)
	out, err := d.nm.Nmcli("connection", "up", corp, "passwd-file", d.secretsFile(t, map[string]string{"password": testlab.Password, "otp": "000000"}))
	if err == nil || !strings.Contains(out, loginFailed) && !strings.Contains(out, noSecrets) {
		t.Errorf("with a wrong code nmcli says %q, %v", out, err)
	}
	d.nothingLeft(t)
	d.neverKept(t)
}

// loginFailed is nmcli's word for LOGIN_FAILED.
const loginFailed = "Invalid secrets"

// keyfile is what NetworkManager keeps of the connection.
func (d *desktop) keyfile(t *testing.T) string {
	t.Helper()
	text, err := d.Client.ReadFile("/etc/NetworkManager/system-connections/" + corp + ".nmconnection")
	must(t, err)
	return text
}

func (d *desktop) neverKept(t *testing.T) {
	t.Helper()
	if text := d.keyfile(t); strings.Contains(text, testlab.Password) || strings.Contains(text, "[vpn-secrets]") {
		t.Errorf("a secret was kept:\n%s", text)
	}
}

// erase is Ctrl-U: nmcli begins with the secret that is kept already.
const erase = "\x15"

// A refused password is asked for again, and once more. Whether it is kept is the
// connection's choice: 0 kept, 1 the agent's, 2 never.
func TestNMAskAgain(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for _, flags := range []string{"0", "1", "2"} {
		t.Run("flags "+flags, func(t *testing.T) {
			d := forNetworkManager(t)
			ocserv(t, d.Lab, testlab.Ocserv{})
			secrets := ""
			if flags == "0" {
				secrets = "password=Xylem-5150"
			}
			d.add(t, corp, d.data("password-flags="+flags), secrets)
			q := d.ask(t, corp)
			if flags != "0" {
				q.answer(`vpn\.secrets\.password\): `, "Xylem-5150")
			}
			q.answer(`login failed.*vpn\.secrets\.password\): `, erase+"Xylem-5151")
			q.answer(`login failed.*vpn\.secrets\.password\): `, erase+testlab.Password)
			q.ends(0)
			reaches(t, d.Lab, testlab.InsideV4)
			d.down(t, corp)
			d.nothingLeft(t)
			if flags == "0" {
				d.up(t, corp) // it was kept
				d.down(t, corp)
			} else {
				d.neverKept(t)
				d.refused(t, corp, noSecrets, "no agents were available")
			}
		})
	}
}

// The group is chosen by name.
func TestNMAskGroup(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{Auth: "groups"})
	d.add(t, corp, d.data(stored, "authgroup-flags=2"), password)
	q := d.ask(t, corp)
	q.answer(`staff.*guests.*vpn\.secrets\.authgroup\): `, "guests")
	q.ends(0)
	inGroup(t, d.Lab, "guests")
	d.down(t, corp)
	d.nothingLeft(t)
	d.nmcli(t, "connection", "modify", corp, "+vpn.data", "authgroup=staff")
	d.up(t, corp)
	inGroup(t, d.Lab, "staff")
	d.down(t, corp)
	d.nothingLeft(t)
}

// A certificate that nobody vouches for is shown, and accepted or not.
func TestNMAskCertificate(t *testing.T) {
	d := forNetworkManager(t)
	misbehave(t, d.Lab, "unknown", hostile.Script{})
	d.add(t, corp, d.data(stored, "confirm-flags=2"), password)
	q := d.ask(t, corp)
	q.answer(`no known authority.*pin-sha256:.*vpn\.secrets\.confirm\): `, "no")
	q.sees(unknown)
	q.ends(nmcliFailed)
	d.nothingLeft(t)
	q = d.ask(t, corp)
	q.answer(`vpn\.secrets\.confirm\): `, "yes")
	q.ends(0)
	d.tunnel(t, testlab.InsideV4)
	d.down(t, corp)
	d.nothingLeft(t)
}

// sso is a gateway that logs in on a web page, whose end is a cookie with a token.
func sso(token string) hostile.Script {
	return hostile.Script{HTTP: func(w io.Writer, r *http.Request) bool {
		body, err := io.ReadAll(r.Body)
		if r.Method == http.MethodConnect || err != nil || strings.Contains(string(body), "<sso-token>"+token+"</sso-token>") {
			r.Body = io.NopCloser(bytes.NewReader(body))
			return false
		}
		hostile.Reply(w, "200 OK", `<?xml version="1.0" encoding="UTF-8"?>
<config-auth client="vpn" type="auth-request"><auth id="main"><title>Login</title>
<sso-v2-login>https://vpn.test/saml/login</sso-v2-login><sso-v2-login-final>https://vpn.test/saml/done</sso-v2-login-final>
<sso-v2-token-cookie-name>acSamlv2Token</sso-v2-token-cookie-name><sso-v2-error-cookie-name>acSamlv2Error</sso-v2-error-cookie-name>
<form><input type="sso" name="sso-token"/></form></auth></config-auth>`)
		return true
	}}
}

// A login in a browser, brought to an end by hand.
func TestNMAskSso(t *testing.T) {
	d := forNetworkManager(t)
	misbehave(t, d.Lab, "server", sso("T0KEN-77"))
	d.add(t, corp, d.data("sso=embedded", "sso-flags=2"), "")
	q := d.ask(t, corp)
	q.answer(`https://vpn\.test/saml/login.*acSamlv2Token.*vpn\.secrets\.sso\): `, "T0KEN-77")
	q.ends(0)
	d.tunnel(t, testlab.InsideV4)
	if strings.Contains(d.log()+d.keyfile(t), "T0KEN-77") {
		t.Error("the token was kept")
	}
	d.down(t, corp)
	d.nothingLeft(t)
}

// Somebody who gives up at the prompt leaves nothing.
func TestNMAskGivenUp(t *testing.T) {
	d := forNetworkManager(t)
	ocserv(t, d.Lab, testlab.Ocserv{Auth: "otp"})
	d.add(t, corp, d.data(stored, "otp-flags=2"), password)
	q := d.ask(t, corp)
	q.sees(`vpn\.secrets\.otp\): `)
	must(t, q.p.Type("\x03"))
	_, err := q.p.Wait(10 * time.Second)
	must(t, err)
	d.nothingLeft(t)
}
