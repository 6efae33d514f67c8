package e2e

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// gpRefused wants openconnect to end by itself, saying words.
func gpRefused(t *testing.T, l *testlab.Lab, s testlab.Spec, words ...string) *testlab.Connection {
	t.Helper()
	c, err := l.Launch(testlab.Openconnect{}, s)
	must(t, err)
	code, err := c.Wait(30 * time.Second)
	must(t, err)
	if code == 0 {
		t.Errorf("exit status 0")
	}
	gpSaid(t, c, words...)
	return c
}

// gpTyped logs in on a terminal: each question's end, and the answer to it.
func gpTyped(t *testing.T, l *testlab.Lab, s testlab.Spec, answers ...string) *testlab.Connection {
	t.Helper()
	s.Terminal, s.Answers = true, nil
	ctx := within(t, 40*time.Second)
	c, err := l.Launch(testlab.Openconnect{}, s)
	must(t, err)
	for i := 0; i < len(answers); i += 2 {
		must(t, c.Expect(ctx, regexp.MustCompile(answers[i])))
		must(t, c.Type(answers[i+1]+"\n"))
	}
	must(t, c.WaitUp(ctx))
	return c
}

// A second factor, asked for by portal and gateway in the ways that openconnect 9.01
// understands: it knows no JavaScript in HTML.
func TestGPGateChallenge(t *testing.T) {
	t.Parallel()
	for _, style := range []string{"js", "xml"} {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			ask := gpgate.Role{Challenges: []gpgate.Challenge{{Style: style, Message: "Your code?", Code: "135790"}}}
			l, g := gpGate(t, gpgate.Config{Portal: ask, Gateway: ask})
			c := gpTyped(t, l, gpAlice(), "Password: ", testlab.Password, `(?s)Your code\?.*Challenge: `, "135790",
				"(?s)Password: .*Password: ", testlab.Password, `(?s)Challenge: .*Challenge: `, "135790")
			reaches(t, l, testlab.InsideV4)
			disconnect(t, c)
			if n := len(g.Seen(gpgate.Refused)); n != 0 {
				t.Errorf("%d refusals", n)
			}
		})
	}
}

func TestGPGateRefused(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	wrong := gpAlice()
	wrong.Answers = []string{"Xylem-5150"}
	gpRefused(t, l, wrong, "Unexpected 512 result from server")
	if _, err := g.Await(within(t, time.Second), gpgate.Refused, 1); err != nil {
		t.Error(err)
	}
	none := gpgate.Role{Absent: true}
	must(t, g.Change(func(c *gpgate.Config) { c.Portal, c.Gateway = none, none }))
	gpRefused(t, l, gpAlice(), "neither a GlobalProtect portal nor a gateway")
	for _, text := range gpgate.KnownErrors[:4] {
		must(t, g.Change(func(c *gpgate.Config) {
			c.Portal, c.Gateway = gpgate.Role{}, gpgate.Role{}
			c.Answers = map[string]gpgate.Answer{gpgate.GatewayConfig: {Body: gpgate.ErrorXML(text)}}
		}))
		gpRefused(t, l, gpAlice(), text)
	}
	for name, body := range map[string]string{"JavaScript": gpgate.ErrorJS("Go away"), "XML": gpgate.ErrorXML("Go away")} {
		must(t, g.Change(func(c *gpgate.Config) { c.Answers = map[string]gpgate.Answer{gpgate.GatewayLogin: {Body: body}} }))
		gpRefused(t, l, gpAlice(), "Go away")
		t.Log(name)
	}
}

// A certificate in place of the password, beside it, and none where one is needed.
func TestGPGateCertificate(t *testing.T) {
	t.Parallel()
	with := gpgate.Role{Certificate: "needed"}
	l, g := gpGate(t, gpgate.Config{Portal: with, Gateway: with})
	gpRefused(t, l, gpAlice(), "Valid client certificate is required")
	s := gpAlice()
	s.Cert = "mallory"
	gpRefused(t, l, s, "Valid client certificate is required")
	s.Cert = "alice"
	disconnect(t, gpConnect(t, l, s))
	must(t, g.Change(func(c *gpgate.Config) {
		c.Portal, c.Gateway = gpgate.Role{Certificate: "asked"}, gpgate.Role{Certificate: "asked"}
	}))
	s.Answers = []string{""}
	disconnect(t, gpConnect(t, l, s))
}

// The portal's list, in which the user chooses (openconnect 9.01 knows no priorities);
// the portal's cookie saves the second login.
func TestGPGatePortal(t *testing.T) {
	t.Parallel()
	far := testlab.GatewayV4 + ":4443" // nobody is there
	l, g := gpGate(t, gpgate.Config{
		Offers: []gpgate.Offer{
			{Address: far, Label: "Far", Priorities: map[string]int{"DE": 3, "Any": 4}},
			{Address: testlab.GatewayName, Label: "Near", Priorities: map[string]int{"DE": 2, "US": 9}},
			{Address: far, Label: "Last"},
		},
		CookieName: "portal-userauthcookie",
		Gateway:    gpgate.Role{Users: map[string]string{}}, // no password does
	})
	c := gpTyped(t, l, gpAlice(), "Password: ", testlab.Password, `GATEWAY: \[.*\]:`, "Near")
	gpSaid(t, c, "3 gateway servers available", "Near (vpn.test)", "Far (10.77.0.1:4443)", "Last (10.77.0.1:4443)")
	disconnect(t, c)
	if login := g.Asked(gpgate.GatewayLogin); len(login) != 1 || login[0].Fields["portal-userauthcookie"] == "" {
		t.Errorf("the gateway's login had %v", login)
	}
	gpRefused(t, l, gpAlice("--authgroup=Far"), "Failed to connect to 10.77.0.1:4443")
	must(t, g.Change(func(c *gpgate.Config) { c.CookieHostID = true })) // openconnect has none
	gpRefused(t, l, gpAlice("--authgroup=Near"), "Unexpected 512 result")
}

// What a browser brought home from the identity provider goes in place of the password.
func TestGPGateSAML(t *testing.T) {
	t.Parallel()
	address := regexp.MustCompile(`authentication is required via (data:text/html;base64,)?(\S+)`)
	for _, test := range []struct{ method, ends, cookie, group string }{
		{"REDIRECT", "headers", "prelogin-cookie", "gateway"},
		{"POST", "comments", "prelogin-cookie", "gateway"},
		{"REDIRECT", "headers", "portal-userauthcookie", "portal"},
		{"REDIRECT", "comments", "prelogin-cookie", "portal"},
	} {
		t.Run(strings.Join([]string{test.method, test.ends, test.cookie, test.group}, " "), func(t *testing.T) {
			t.Parallel()
			saml := gpgate.Role{SAML: gpgate.SAML{Method: test.method, Ends: test.ends, Cookie: test.cookie}}
			l, _ := gpGate(t, gpgate.Config{Portal: saml, Gateway: saml, CookieName: "portal-userauthcookie"})
			c := gpRefused(t, l, gpAlice("--usergroup="+test.group), "SAML "+test.method+" authentication is required via")
			m := address.FindStringSubmatch(c.Output())
			start := m[2]
			if m[1] != "" {
				page, err := base64.StdEncoding.DecodeString(start)
				must(t, err)
				start = string(page)
			}
			signed, err := gpgate.SignIn(within(t, 10*time.Second), l, start, testlab.User, testlab.Password)
			must(t, err)
			if signed.Field != test.cookie || signed.User != testlab.User {
				t.Fatalf("signed in as %+v", signed)
			}
			s := gpAlice("--usergroup=" + test.group + ":" + test.cookie)
			s.Answers = []string{signed.Cookie}
			up := gpConnect(t, l, s)
			reaches(t, l, testlab.InsideV4)
			disconnect(t, up)
		})
	}
}
