package e2e

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// gpAnswered logs our client in on a terminal: questions and their answers by turns.
func gpAnswered(t *testing.T, l *testlab.Lab, s testlab.Spec, answers ...string) *testlab.Connection {
	t.Helper()
	needPenstock(t)
	s.Terminal, s.Answers = true, nil
	c, err := l.Launch(client, s)
	must(t, err)
	for i := 0; i < len(answers); i += 2 {
		answer(t, c, answers[i], answers[i+1])
	}
	must(t, c.WaitUp(within(t, 15*time.Second)))
	return c
}

// gpNo wants our client to be refused.
func gpNo(t *testing.T, l *testlab.Lab, s testlab.Spec, code int, words string) {
	t.Helper()
	needPenstock(t)
	refused(t, l, s, 30*time.Second, code, words)
}

// A second factor at portal and gateway, in every way that gateways write it.
func TestGPChallenge(t *testing.T) {
	t.Parallel()
	for _, style := range []string{"js", "html", "xml"} {
		t.Run(style, func(t *testing.T) {
			t.Parallel()
			ask := gpgate.Role{Challenges: []gpgate.Challenge{{Style: style, Message: "Your code?", Code: "135790"}}}
			l, g := gpGate(t, gpgate.Config{Portal: ask, Gateway: ask})
			c := gpAnswered(t, l, gpAlice(), "Password: ", testlab.Password, `Your code\?.*: `, "135790",
				"Password: .*Password: ", testlab.Password, `code\?.*code\?.*: `, "135790")
			reaches(t, l, testlab.InsideV4)
			disconnect(t, c)
			if n := len(g.Seen(gpgate.Refused)); n != 0 {
				t.Errorf("%d refusals", n)
			}
		})
	}
	t.Run("from standard input", func(t *testing.T) {
		t.Parallel()
		l, _ := gpGate(t, gpgate.Config{Gateway: gpgate.Role{Challenges: []gpgate.Challenge{{Message: "Code?", Code: "135790"}, {Message: "Another?", Code: "246"}}}})
		s := gpAlice("--usergroup", "gateway")
		s.Answers = append(s.Answers, "135790", "246")
		disconnect(t, gpUp(t, l, s))
	})
}

// What gateways say in place of a tunnel comes as a sentence with a way out.
func TestGPRefused(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	wrong := gpAlice()
	wrong.Answers = []string{"Xylem-5150"}
	gpNo(t, l, wrong, exitRefused, "refused user name or password")
	none := gpgate.Role{Absent: true}
	must(t, g.Change(func(c *gpgate.Config) { c.Portal, c.Gateway = none, none }))
	gpNo(t, l, gpAlice(), exitUsage, "neither a GlobalProtect portal nor a gateway")
	gpNo(t, l, gpAlice("--usergroup", "gateway"), exitUsage, "no GlobalProtect gateway")
	gpNo(t, l, gpAlice("--usergroup", "cellar"), exitUsage, "portal nor gateway")
	must(t, g.Change(func(c *gpgate.Config) { *c = gpgate.Config{Network: gpgate.Network{NoTunnel: true}} }))
	gpNo(t, l, gpAlice(), exitOther, "needs no tunnel")
	for name, body := range map[string]string{"JavaScript": gpgate.ErrorJS("Go away"), "XML": gpgate.ErrorXML("Go away")} {
		must(t, g.Change(func(c *gpgate.Config) {
			*c = gpgate.Config{Answers: map[string]gpgate.Answer{gpgate.GatewayLogin: {Body: body}}}
		}))
		gpNo(t, l, gpAlice("--usergroup", "gateway"), map[string]int{"JavaScript": exitRefused, "XML": exitOther}[name], "Go away")
	}
	for _, text := range gpgate.KnownErrors {
		must(t, g.Change(func(c *gpgate.Config) {
			*c = gpgate.Config{Answers: map[string]gpgate.Answer{gpgate.GatewayConfig: {Body: gpgate.ErrorXML(text)}}}
		}))
		before := len(g.Asked(gpgate.GatewayConfig))
		c, err := l.Launch(client, gpAlice())
		must(t, err)
		code, err := c.Wait(20 * time.Second)
		must(t, err)
		if asked := len(g.Asked(gpgate.GatewayConfig)) - before; code == 0 || asked > 3 {
			t.Errorf("%s: exit status %d after %d tries", text, code, asked)
		}
		t.Logf("%s: %d, %s", text, code, strings.TrimSpace(c.Stderr()))
	}
}

func TestGPCertificate(t *testing.T) {
	t.Parallel()
	with := gpgate.Role{Certificate: "needed"}
	l, g := gpGate(t, gpgate.Config{Portal: with, Gateway: with})
	gpNo(t, l, gpAlice(), exitRefused, "wants a client certificate.*usercert")
	s := gpAlice()
	s.Cert = "mallory"
	gpNo(t, l, s, exitRefused, "certificate")
	s.Cert = "alice"
	disconnect(t, gpUp(t, l, s))
	must(t, g.Change(func(c *gpgate.Config) {
		c.Portal, c.Gateway = gpgate.Role{Certificate: "asked"}, gpgate.Role{Certificate: "asked"}
	}))
	s.Answers = []string{""}
	disconnect(t, gpUp(t, l, s))
}

// The portal's gateways: by its priorities, by option, by prompt; and its cookie, which
// saves the second login.
func TestGPPortal(t *testing.T) {
	t.Parallel()
	far := testlab.GatewayV4 + ":4443" // nobody is there
	l, g := gpGate(t, gpgate.Config{
		Offers: []gpgate.Offer{
			{Address: far, Label: "Far", Priorities: map[string]int{"DE": 3, "Any": 4}},
			{Address: testlab.GatewayName, Label: "Near", Priorities: map[string]int{"DE": 2, "US": 9}},
			{Address: far, Label: "Last"},
		},
		CookieName: "portal-userauthcookie", CookieHostID: true,
		Gateway: gpgate.Role{Users: map[string]string{}}, // no password does
	})
	disconnect(t, gpUp(t, l, gpAlice()))
	if login := g.Asked(gpgate.GatewayLogin); len(login) != 1 || login[0].Fields["portal-userauthcookie"] == "empty" {
		t.Errorf("the gateway's login had %v", login)
	}
	gpNo(t, l, gpAlice("--authgroup", "Far"), exitUnreachable, "4443")
	gpNo(t, l, gpAlice("--authgroup", "Elsewhere"), exitUsage, `no gateway.*Near \(vpn.test\)`)
	disconnect(t, gpAnswered(t, l, gpAlice("--ask-gateway"), "Password: ", testlab.Password, `(?i)gateway.*Near.*: `, "Near"))
	must(t, g.Change(func(c *gpgate.Config) { c.Region = "US" })) // where Far is better
	gpNo(t, l, gpAlice(), exitUnreachable, "4443")
	must(t, g.Change(func(c *gpgate.Config) { c.CookieName = "portal-prelogonuserauthcookie" }))
	disconnect(t, gpUp(t, l, gpAlice("--authgroup", "near")))
}

// A browser logs in, and the address that it ends at is pasted, or handed over by the
// desktop; or another program did that, and there is its cookie.
func TestGPBrowser(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ method, ends, cookie, group string }{
		{"REDIRECT", "callback", "prelogin-cookie", "gateway"},
		{"POST", "callback", "prelogin-cookie", "portal"},
		{"REDIRECT", "cas", "", "gateway"},
		{"REDIRECT", "headers", "prelogin-cookie", "gateway"},
		{"POST", "comments", "portal-userauthcookie", "portal"},
	} {
		t.Run(strings.Join([]string{test.method, test.ends, test.cookie, test.group}, " "), func(t *testing.T) {
			t.Parallel()
			needPenstock(t)
			saml := gpgate.Role{SAML: gpgate.SAML{Method: test.method, Ends: test.ends, Cookie: test.cookie}}
			l, _ := gpGate(t, gpgate.Config{Portal: saml, Gateway: saml, CookieName: "portal-userauthcookie"})
			s := gpAlice("--usergroup", test.group)
			s.Terminal, s.Answers = true, nil
			c, err := l.Launch(client, s)
			must(t, err)
			must(t, c.Expect(within(t, 10*time.Second), regexp.MustCompile("(?s)Log in with a browser.*Address of the last link")))
			signed, err := gpgate.SignIn(within(t, 10*time.Second), l, gpStart(t, c.Output()), testlab.User, testlab.Password)
			must(t, err)
			if signed.Callback != "" {
				if test.method == "POST" {
					must(t, c.Type(signed.Callback+"\n"))
				} else {
					handOver(t, l, signed.Callback)
				}
				must(t, c.WaitUp(within(t, 15*time.Second)))
				reaches(t, l, testlab.InsideV4)
				disconnect(t, c)
				return
			}
			_, err = c.Stop(2, 10*time.Second)
			must(t, err)
			up := gpUp(t, l, testlab.Spec{Protocol: "globalprotect", Username: signed.User,
				Extra: []string{"--non-inter", "--usergroup", test.group, "--" + signed.Field + "-file", kept(t, l, "fetched", signed.Cookie+"\n")}})
			reaches(t, l, testlab.InsideV4)
			disconnect(t, up)
		})
	}
}

// handOver is the desktop, which opens an address with the program for its scheme.
func handOver(t *testing.T, l *testlab.Lab, address string) {
	t.Helper()
	for _, c := range []struct {
		address string
		want    int
	}{
		{"othercallback:x", 1}, // nobody waits for that
		{"https://vpn.test/", exitUsage},
		{address, 0},
	} {
		p, err := l.Client.Start(testlab.Command{Args: []string{penstock.Program(), "callback", c.address}})
		must(t, err)
		if status, err := p.Wait(10 * time.Second); err != nil || status != c.want {
			t.Errorf("penstock callback %.20s: status %d, %v: %s", c.address, status, err, p.Tail(5))
		}
	}
}

// gpStart is where the browser begins: an address, or a page.
func gpStart(t *testing.T, output string) string {
	t.Helper()
	m := regexp.MustCompile(`(?s)Log in with a browser[^\n]*\s+(data:text/html;base64,)?(\S+)`).FindStringSubmatch(output)
	if m == nil {
		t.Fatalf("no address to begin at: %s", output)
	}
	if m[1] == "" {
		return m[2]
	}
	page, err := base64.StdEncoding.DecodeString(m[2])
	must(t, err)
	return string(page)
}

// openconnect logs in, penstock has the tunnel; the session ends with its logout.
func TestGPCookie(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{})
	cookie := kept(t, l, "cookie", gpCookie(t, l)+"\n")
	s := testlab.Spec{Protocol: "globalprotect", Extra: []string{"--non-inter", "--cookie-file", cookie}}
	c := gpUp(t, l, s)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	if n := len(g.Asked(gpgate.GatewayLogin)); n != 1 {
		t.Errorf("%d logins", n)
	}
	disconnect(t, c)
	gpLoggedOut(t, g)
	gpNo(t, l, s, exitRefused, "the session cookie opens no tunnel")
	for name, text := range map[string]string{"of another kind": "webvpn=a; b=c", "without a user": "authcookie=00"} {
		t.Log(name)
		kept(t, l, "cookie", text)
		gpNo(t, l, s, exitUsage, "cookie cannot be used")
	}
}

// Gateways that say less or more than usual, or other things.
func TestGPOdd(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*gpgate.Config){
		"16 arguments":      func(c *gpgate.Config) { c.Arguments = 16 },
		"25 arguments":      func(c *gpgate.Config) { c.Arguments = 25 },
		"no preferred IP":   func(c *gpgate.Config) { c.PreferredIP = "-" },
		"another preferred": func(c *gpgate.Config) { c.PreferredIP = "10.88.0.77" },
		"beside the stream": func(c *gpgate.Config) { c.ESP.BesideStream = true },
		"aes128":            func(c *gpgate.Config) { c.ESP.Encryption = "aes128" },
		"port 5501":         func(c *gpgate.Config) { c.ESP.Port = 5501 },
		"IPv4 alone":        func(c *gpgate.Config) { c.Network = gpgate.Network{NoIPv6: true, MTU: 1300} },
		"probes go inside":  func(c *gpgate.Config) { c.Network.InsidePing = true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c gpgate.Config
			change(&c)
			l, _ := gpGate(t, c)
			up := gpUp(t, l, gpAlice("--usergroup", "gateway"))
			gpOver(t, l, "esp", 5*time.Second)
			reaches(t, l, testlab.InsideV4)
			if name == "another preferred" && !strings.Contains(fmt.Sprint(up.Addresses), "10.88.0.77") {
				t.Errorf("the addresses are %v", up.Addresses)
			}
			if name == "IPv4 alone" && up.MTU() != 1300 {
				t.Errorf("the MTU is %d", up.MTU())
			}
			disconnect(t, up)
		})
	}
}

// The network as the gateway has it: routes of both families in lists of their own,
// those that stay outside, name servers and domains.
func TestGPNetwork(t *testing.T) {
	t.Parallel()
	l, _ := gpGate(t, gpgate.Config{Network: gpgate.Network{
		Routes: []string{"10.99.0.0/24"}, Routes6: []string{testlab.InsideV6 + "/64"}, Exclude: []string{"10.99.0.128/25"}, Exclude6: []string{"fd99::8000/113"},
		DNS: []string{testlab.InsideV4}, Suffixes: []string{"corp.test", "lab.test"}, WINS: []string{"10.88.0.9"},
	}})
	before := snapshot(t, l)
	c := gpUp(t, l, gpAlice())
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	for address, want := range map[string]string{testlab.InsideV4: c.Interface, testlab.InsideV6: c.Interface, "10.99.0.200": "eth0", "fd99::9000": "eth0",
		testlab.Beyond: "eth0", testlab.GatewayV4: "eth0"} {
		if device := l.Client.RouteDevice(address); device != want {
			t.Errorf("packets to %s leave by %q, want %q", address, device, want)
		}
	}
	text, err := l.Client.ReadFile("/etc/resolv.conf")
	must(t, err)
	for _, want := range []string{"nameserver " + testlab.InsideV4, "corp.test lab.test"} {
		if !strings.Contains(text, want) {
			t.Errorf("resolv.conf lacks %q:\n%s", want, text)
		}
	}
	disconnect(t, c)
	unchanged(t, l, before)
}
