package auth

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

func TestPassword(t *testing.T) {
	s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"al&ice"}, "password": {"s<cret"}},
		turn{body: userForm, check: func(t *testing.T, r *http.Request, body string) {
			has(`client="vpn" type="init" aggregate-auth-version="2"`, "<group-access>https://vpn.test/</group-access>", `<version who="vpn">v1</version>`, "<device-id>linux-64</device-id>")(t, r, body)
			if r.Header.Get("X-Aggregate-Auth") != "1" || (len(body)+len(r.Header.Get("X-Pad")))%padTo != 0 {
				t.Errorf("fields %v", r.Header)
			}
		}},
		turn{body: success, check: has(`type="auth-reply"`, `<opaque is-for="sg"><tunnel-group>Default</tunnel-group><x a='1'/></opaque>`,
			"<auth><username>al&amp;ice</username><password>s&lt;cret</password></auth>")})
	r := s.mustLogin(t)
	if r.Cookie != "C00K1E" || r.Banner != "Welcome" || r.Gateway.Host != "vpn.test" {
		t.Errorf("got %+v", r)
	}
	if len(s.person.lines) != 1 || s.person.lines[0] != "Authorised only" {
		t.Errorf("told %q", s.person.lines)
	}
	q := s.person.prompts[0]
	if q.Title != "Login" || q.Form.ID != "main" || q.Form.Fields[1].Kind != prompt.Password || q.Form.Fields[1].Option != "password" || q.Form.Fields[0].Label != "Username" {
		t.Errorf("asked %+v", q)
	}
}

func TestRefusedThenRight(t *testing.T) {
	again := strings.Replace(userForm, "<title>", `<error id="13" param1="alice" param2="2">Login of %s failed, %s tries left.</error><title>`, 1)
	s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"alice", "alice"}, "password": {"wrong", "right"}},
		turn{body: userForm}, turn{body: again}, turn{body: success})
	s.mustLogin(t)
	if got := s.person.prompts[1].Error; got != "Login of alice failed, 2 tries left." {
		t.Errorf("told %q", got)
	}
}

func TestThreeRefusalsEndTheLogin(t *testing.T) {
	again := strings.Replace(userForm, "<title>", `<error>Login failed.</error><title>`, 1)
	s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"a", "b", "c"}, "password": {"1", "2", "3"}},
		turn{body: userForm}, turn{body: again}, turn{body: again}, turn{body: again})
	if _, err := s.login(t); diag.Of(err).Code != diag.AuthRefused || !strings.Contains(err.Error(), "Login failed") {
		t.Errorf("got %v", err)
	}
}

func TestEmptyAnswersEndTheLogin(t *testing.T) {
	s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"", "", ""}, "password": {"", "", ""}},
		turn{body: userForm}, turn{body: strings.Replace(userForm, "Please", "Please do", 1)}, turn{body: userForm})
	if _, err := s.login(t); diag.Of(err).Code != diag.AuthRefused {
		t.Errorf("got %v", err)
	}
}

func TestCancelled(t *testing.T) {
	s := newStage(t, "https://vpn.test/", nil, turn{body: userForm})
	s.person.cancel = true
	if _, err := s.login(t); diag.Of(err).Code != diag.Cancelled {
		t.Errorf("got %v", err)
	}
}

// A gateway that asks step by step takes no second password in one login: it is begun
// again, and the steps before are not asked again.
func TestStepByStep(t *testing.T) {
	step := func(message, field string) string {
		return `<?xml version="1.0"?><config-auth client="vpn"><auth id="main"><message>` + message + `</message><form method="post" action="/auth">` +
			`<input type="` + map[bool]string{true: "text", false: "password"}[field == "username"] + `" name="` + field + `" label="` + field + `:"/></form></auth></config-auth>`
	}
	s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"alice"}, "password": {"wrong", "right", "123456"}},
		turn{body: step("Please enter your username.", "username")},
		turn{body: step("Please enter your password.", "password"), check: has("<username>alice</username>")},
		turn{body: step("Login failed.\nPlease enter your password.", "password")},
		turn{body: step("Please enter your username.", "username"), check: has(`type="init"`)},
		turn{body: step("Please enter your password.", "password"), check: has("<username>alice</username>")},
		turn{body: step("Please enter your OTP password.", "password"), check: has("<password>right</password>")},
		turn{body: success, check: has("<password>123456</password>")})
	s.mustLogin(t)
	kinds := ""
	for _, q := range s.person.prompts {
		kinds += map[prompt.Kind]string{prompt.Text: "t", prompt.Password: "p", prompt.OTP: "o"}[q.Form.Fields[0].Kind]
	}
	if kinds != "tppo" || s.person.prompts[2].Error != "Login failed." || s.person.prompts[3].Form.Fields[0].Option != "" {
		t.Errorf("asked %s, %+v", kinds, s.person.prompts)
	}
	if s.gateway.said[1] != "POST vpn.test /auth" {
		t.Errorf("said %v", s.gateway.said)
	}
}

func TestChallengeAndSecondPassword(t *testing.T) {
	first := strings.Replace(userForm, `<input type="submit"`, `<input type="password" name="secondary_password" label="Second"/><input type="hidden" name="tag" value="T4G"/><input type="submit"`, 1)
	challenge := `<config-auth><auth id="challenge"><message>Code?</message><form><input type="password" name="answer" label="Response:"/><input type="password" name="verify_pin" label="Again"/></form></auth></config-auth>`
	s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"alice"}, "password": {"secret"}, "answer": {"42"}, "verify_pin": {"42"}},
		turn{body: first},
		turn{body: challenge, check: has("<secondary_password>push</secondary_password><tag>T4G</tag>")},
		turn{body: success, check: has("<auth><password>42</password></auth>")})
	s.config.Entries = []aggregate.Entry{{Form: "main", Field: "secondary_password", Value: "push"}}
	s.mustLogin(t)
	if f := s.person.prompts[1].Form.Fields[0]; f.Kind != prompt.OTP || f.MayStore {
		t.Errorf("asked %+v", f)
	}
}

func TestClientCertificate(t *testing.T) {
	wanted := `<?xml version="1.0"?><config-auth client="vpn" type="auth-request"><client-cert-request/></config-auth>`
	s := newStage(t, "https://vpn.test/", nil, turn{body: wanted}, turn{body: success, check: has(`type="init"`)})
	s.config.Certificate = true
	s.mustLogin(t)
	if s.gateway.dials != 2 {
		t.Errorf("%d connections; gateways ask for a certificate on the second", s.gateway.dials)
	}

	s = newStage(t, "https://vpn.test/", map[string][]string{"username": {"alice"}, "password": {"secret"}},
		turn{body: wanted}, turn{body: userForm, check: has("<client-cert-fail>")}, turn{body: success})
	s.mustLogin(t)

	s = newStage(t, "https://vpn.test/", nil, turn{body: wanted}, turn{body: wanted, check: has("<client-cert-fail>")})
	if _, err := s.login(t); diag.Of(err).Option != "usercert" || diag.Of(err).Code != diag.AuthRefused {
		t.Errorf("got %v", err)
	}
}

// A gateway that wants a certificate in TLS 1.3 just ends the connection.
func TestCertificateMissedInTheHandshake(t *testing.T) {
	for sent, says := range map[bool]string{false: "wants a client certificate", true: "did not accept"} {
		s := newStage(t, "https://vpn.test/", nil)
		s.config.HTTP.Dial = func(context.Context, string, int) (net.Conn, error) {
			ours, theirs := net.Pipe()
			return ours, theirs.Close()
		}
		s.config.Peer = func() sdk.Info { return sdk.Info{CertRequested: true, CertSent: sent} }
		if _, err := s.login(t); diag.Of(err).Code != diag.AuthRefused || !strings.Contains(err.Error(), says) {
			t.Errorf("sent=%v: got %v", sent, err)
		}
	}
}

func TestRefusalsThatLeaveNothingToAnswer(t *testing.T) {
	for body, want := range map[string]string{
		`<config-auth><auth id="main"><error>Certificate Validation Failure</error></auth></config-auth>`:                          "client certificate",
		`<config-auth><error id="88">Too many sessions</error></config-auth>`:                                                      "Too many sessions",
		`<config-auth><auth id="main"><message>Closed for today</message></auth></config-auth>`:                                    "Closed for today",
		`<config-auth><auth id="main"/></config-auth>`:                                                                             "without a reason",
		`<config-auth><multiple-client-cert-request/><cert-authenticated/></config-auth>`:                                          "two client certificates",
		`<config-auth><auth id="success"/></config-auth>`:                                                                          "no session cookie",
		`<config-auth><auth id="main"><form action="https://evil.test/"><input type="text" name="u"/></form></auth></config-auth>`: "sent elsewhere",
	} {
		s := newStage(t, "https://vpn.test/", nil, turn{body: body})
		if _, err := s.login(t); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestJustPost(t *testing.T) {
	s := newStage(t, "https://vpn.test/", nil,
		turn{body: `<config-auth><opaque><a/></opaque><auth id="x"><authentication-complete/></auth></config-auth>`},
		turn{body: success, check: has("<opaque><a/></opaque><auth></auth>")})
	s.mustLogin(t)
}

func TestPlainFallback(t *testing.T) {
	form := `<?xml version="1.0"?><auth id="main"><message>Log in.</message><form method="post" action="/+webvpn+/index.html"><input type="text" name="username"/><input type="password" name="password"/><input type="hidden" name="tgroup" value="a b"/></form></auth>`
	for name, first := range map[string]turn{
		"http error":     {status: 400},
		"local redirect": {status: 302, header: []string{"Location: /+CSCOE+/logon.html"}},
		"not xml":        {body: "<html><body>Hello</body></html>"},
	} {
		s := newStage(t, "https://vpn.test/", map[string][]string{"username": {"alice"}, "password": {"s&cret"}},
			first,
			turn{status: 302, header: []string{"Location: /+webvpn+/index.html"}},
			turn{body: form, check: func(t *testing.T, r *http.Request, _ string) {
				if r.Method != "GET" || r.Header.Get("X-Aggregate-Auth") != "" {
					t.Errorf("%s: asked by %s %v", name, r.Method, r.Header)
				}
			}},
			turn{body: `<?xml version="1.0"?><auth id="success"></auth>`, header: []string{"Set-Cookie: webvpn=PLAIN; secure", "Set-Cookie: webvpnc=bu:/&p:t&fu:profiles%2Fp.xml&fh:ABCD"},
				check: func(t *testing.T, r *http.Request, body string) {
					if body != "username=alice&password=s%26cret&tgroup=a+b" || r.Header.Get("Content-Type") != formType {
						t.Errorf("%s: sent %q", name, body)
					}
				}})
		r := s.mustLogin(t)
		if r.Cookie != "PLAIN" || r.Manifest.URI != "/profiles/p.xml" || r.Manifest.SHA1 != "ABCD" {
			t.Errorf("%s: got %+v", name, r)
		}
	}
}

func TestSentOnToAnotherGateway(t *testing.T) {
	s := newStage(t, "https://vpn.test/corp", map[string][]string{"username": {"alice"}, "password": {"secret"}},
		turn{status: 302, header: []string{"Location: https://node7.vpn.test/corp"}},
		turn{body: userForm, check: has("<group-access>https://node7.vpn.test/corp</group-access>")},
		turn{body: success})
	if r := s.mustLogin(t); r.Gateway.Host != "node7.vpn.test" {
		t.Errorf("got %v", r.Gateway)
	}
}

func TestStatusIsAnError(t *testing.T) {
	for status, code := range map[int]diag.Code{401: diag.AuthRefused, 403: diag.AuthRefused, 404: diag.Protocol, 500: diag.Protocol} {
		s := newStage(t, "https://vpn.test/", nil, turn{status: 404}, turn{status: status})
		_, err := s.login(t)
		if diag.Of(err).Code != code || status == 404 && diag.Of(err).Option != "useragent" {
			t.Errorf("%d: got %v", status, err)
		}
	}
}
