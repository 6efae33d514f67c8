package main

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

var quick = tunnel.Pace{ESPAnswer: time.Minute, ESPAgain: 50 * time.Millisecond, Linger: time.Millisecond}

func fresh() *plugin { return &plugin{pace: quick} }

// start runs a session of alice.
func start(t *testing.T, g *gate, options map[string]string, stored ...string) (*plugintest.Host, *plugintest.Run) {
	t.Helper()
	h := plugintest.NewHost(t)
	g.at(h)
	h.Answer("login", map[string]string{"username": "alice", "password": password})
	h.Answer("cookie", map[string]string{"username": "alice", "cookie": samlCookie})
	all := map[string]string{"gateway": "https://vpn.example.com/", "local-hostname": "laptop"}
	for key, value := range options {
		all[key] = value
	}
	return h, h.Run(&plugin{}, plugintest.Profile{Protocol: "globalprotect", Options: all, Stored: stored, Trace: true})
}

// packets wants an echo.
func packets(t *testing.T, p *plugintest.Path) {
	t.Helper()
	for _, packet := range []string{"\x45 a packet", "\x60 another"} {
		p.Send([]byte(packet))
		if got := string(p.Packet()); got != packet {
			t.Errorf("over %s came back %q", p.Kind, got)
		}
	}
}

// wants checks how a session ended.
func wants(t *testing.T, run *plugintest.Run, retry sdk.Retry, code diag.Code, says string) {
	t.Helper()
	var f *sdk.Failure
	if err := run.Wait(); !errors.As(err, &f) || f.Retry != retry || f.Diagnostics[0].Code != code || !strings.Contains(f.Error(), says) {
		t.Errorf("got %v, want %q", err, says)
	}
}

func stop(t *testing.T, run *plugintest.Run) {
	t.Helper()
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

func TestConformance(t *testing.T) {
	plugintest.Conformance(t, func() sdk.Plugin { return &plugin{} }, plugintest.Scenario{
		Prepare: func(h *plugintest.Host) {
			newGate(t).at(h)
			h.Answer("login", map[string]string{"username": "alice", "password": password})
		},
	})
}

// The whole way: portal, the gateway of the best priority, ESP, and a logout with
// exactly the fields that end a session.
func TestWholeSession(t *testing.T) {
	g := newGate(t)
	_, run := start(t, g, nil)
	if c := run.Config(); c.Addresses[0].String() != "10.0.0.2/32" || c.Routes[0].String() != "10.0.0.0/8" || c.DNS[0].String() != "10.0.0.1" || time.Until(c.Expires) < 23*time.Hour {
		t.Errorf("configured %+v", c)
	}
	path := run.Path()
	if path.Kind != "esp" && path.Kind != "udp" || len(path.SAs()) != 2 {
		t.Errorf("path %+v", path)
	}
	run.Send(sdk.PathEvent{Path: path.ID, Kind: sdk.PathUp})
	packets(t, path)
	stop(t, run)
	if got := g.requests("/ssl-vpn/logout.esp"); len(got) != 1 || got[0].Encode() != "authcookie="+authCookie+"&computer=laptop&domain=%28empty_domain%29&os-version=Linux&portal=GW-N&user=Alice.A" {
		t.Errorf("logged out with %v", got)
	}
	login := g.requests("/ssl-vpn/login.esp")[0]
	for field, want := range map[string]string{"server": "gw2.example.com", "user": "alice", "passwd": password, "computer": "laptop", "ok": "Login", "jnlpReady": "jnlpReady",
		"direct": "yes", "clientVer": "4100", "prot": "https:", "clientos": "Linux", "clientgpversion": "6.2.0-1", "portal-userauthcookie": "empty", "inputStr": ""} {
		if got := login.Get(field); got != want {
			t.Errorf("login with %s=%q, want %q", field, got, want)
		}
	}
	if len(login.Get("host-id")) != 36 || len(run.Prompts()) != 1 || len(g.tunnels) != 0 {
		t.Errorf("host-id %q, %d prompts, %d tunnels over TLS", login.Get("host-id"), len(run.Prompts()), len(g.tunnels))
	}
	for _, line := range run.Progress() {
		if strings.Contains(line.Text, authCookie) || strings.Contains(line.Text, password) || strings.Contains(line.Text, "0b0b0b0b") {
			t.Errorf("a line holds a secret: %s", line.Text)
		}
	}
}

func TestGatewayAlone(t *testing.T) {
	for group, requests := range map[string]int{"": 1, "gateway": 0} {
		g := newGate(t)
		g.noPortal = true
		_, run := start(t, g, map[string]string{"usergroup": group})
		run.Config()
		run.Path()
		stop(t, run)
		if got := len(g.requests("/global-protect/prelogin.esp")); got != requests {
			t.Errorf("usergroup %q: the portal was asked %d times", group, got)
		}
	}
}

func TestChoiceOfGateway(t *testing.T) {
	for name, c := range map[string]struct {
		options map[string]string
		answer  string
		want    string
	}{
		"by priority": {nil, "", "gw2.example.com"},
		"by address":  {map[string]string{"authgroup": "gw1.example.com"}, "", "gw1.example.com"},
		"by label":    {map[string]string{"authgroup": "fir"}, "", "gw1.example.com"},
		"by prompt":   {map[string]string{"ask-gateway": "true"}, "gw1.example.com", "gw1.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			h := plugintest.NewHost(t)
			g.at(h)
			h.Answer("login", map[string]string{"username": "alice", "password": password})
			h.Answer("gateway", map[string]string{"gateway": c.answer})
			options := map[string]string{"gateway": "vpn.example.com"}
			for key, value := range c.options {
				options[key] = value
			}
			run := h.Run(fresh(), plugintest.Profile{Protocol: "globalprotect", Options: options})
			run.Config()
			run.Path()
			if got := g.requests("/ssl-vpn/login.esp")[0].Get("server"); got != c.want {
				t.Errorf("went to %s", got)
			}
			stop(t, run)
		})
	}
	_, run := start(t, newGate(t), map[string]string{"authgroup": "Third"})
	wants(t, run, sdk.Never, diag.Config, "First (gw1.example.com), Second")
}

func TestChallenge(t *testing.T) {
	script := `var respStatus = "Challenge"; var respMsg = "Your code?"; thisForm.inputStr.value = "5f";`
	g := newGate(t)
	g.will("/ssl-vpn/login.esp", answer{200, script}, answer{200, accepted})
	h, run := start(t, g, map[string]string{"usergroup": "gateway"})
	h.Answer("challenge", map[string]string{"otp": "246810"})
	run.Config()
	run.Path()
	stop(t, run)
	second := g.requests("/ssl-vpn/login.esp")[1]
	if second.Get("passwd") != "246810" || second.Get("inputStr") != "5f" || second.Get("user") != "alice" {
		t.Errorf("the code went as %v", second)
	}
	if p := run.Prompts()[1]; p.Text != "Your code?" {
		t.Errorf("asked %+v", p)
	}
}

// After a challenge at the portal its password is no good at the gateway.
func TestChallengeAtThePortal(t *testing.T) {
	g := newGate(t)
	g.will("/global-protect/getconfig.esp", answer{200, `<challenge><user>alice</user><inputstr>5f</inputstr><respmsg>Code?</respmsg></challenge>`}, answer{200, policy})
	h, run := start(t, g, nil)
	h.Answer("challenge", map[string]string{"otp": "246810"})
	h.Answer("login", map[string]string{"password": password})
	run.Config()
	run.Path()
	stop(t, run)
	if got := g.requests("/ssl-vpn/login.esp"); len(got) != 1 || got[0].Get("passwd") != password || len(run.Prompts()) != 3 {
		t.Errorf("%d logins, %d prompts", len(got), len(run.Prompts()))
	}
}

// The portal's cookie stands for a login at the gateway.
func TestPortalCookie(t *testing.T) {
	g := newGate(t)
	g.will("/global-protect/getconfig.esp", answer{200, strings.Replace(policy, ">empty<", ">"+samlCookie+"<", 1)})
	_, run := start(t, g, nil)
	run.Config()
	run.Path()
	stop(t, run)
	if got := g.requests("/ssl-vpn/login.esp")[0].Get("portal-userauthcookie"); got != samlCookie || len(g.requests("/ssl-vpn/prelogin.esp")) != 0 {
		t.Errorf("the gateway got %q", got)
	}
}

func TestCookiesOfOtherPrograms(t *testing.T) {
	for _, key := range []string{"prelogin-cookie", "portal-userauthcookie"} {
		g := newGate(t)
		g.prelogin = "<saml-auth-method>REDIRECT</saml-auth-method><saml-request>" + base64.StdEncoding.EncodeToString([]byte("https://idp.example.com/")) + "</saml-request>"
		_, run := start(t, g, map[string]string{"usergroup": "gateway"}, key)
		run.Config()
		run.Path()
		stop(t, run)
		if got := g.requests("/ssl-vpn/login.esp")[0]; got.Get(key) != samlCookie || got.Get("passwd") != "" {
			t.Errorf("%s: logged in with %v", key, got)
		}
	}
	g := newGate(t)
	_, run := start(t, g, map[string]string{"usergroup": "gateway:prelogin-cookie"})
	wants(t, run, sdk.Never, diag.AuthRefused, "refused") // the password is none
	if got := g.requests("/ssl-vpn/login.esp"); len(got) != 1 || got[0].Get("prelogin-cookie") != password {
		t.Errorf("logged in with %v", got)
	}
}

func TestSessionCookie(t *testing.T) {
	for cookie, want := range map[string]diag.Code{
		"authcookie=" + authCookie + "&portal=GW-N&user=Alice.A&domain=D": diag.Unspecified,
		"authcookie=gone&portal=GW-N&user=Alice.A":                        diag.AuthRefused,
		"nothing": diag.Config,
	} {
		g := newGate(t)
		h := plugintest.NewHost(t)
		g.at(h)
		h.Answer("cookie", map[string]string{"cookie": cookie})
		run := h.Run(fresh(), plugintest.Profile{Protocol: "gp", Options: map[string]string{"gateway": "vpn.example.com"}, Stored: []string{"password", cookieOption}})
		if want != diag.Unspecified {
			wants(t, run, sdk.Never, want, "cookie")
			continue
		}
		run.Config()
		run.Path()
		if len(g.asked["/ssl-vpn/login.esp"])+len(g.asked["/global-protect/prelogin.esp"]) != 0 {
			t.Error("logged in all the same")
		}
		stop(t, run)
	}
}

func TestWrongPassword(t *testing.T) {
	g := newGate(t)
	h := plugintest.NewHost(t)
	g.at(h)
	for range 4 {
		h.Answer("login", map[string]string{"username": "alice", "password": "Osmium-0815"})
	}
	run := h.Run(fresh(), plugintest.Profile{Protocol: "globalprotect", Options: map[string]string{"gateway": "vpn.example.com"}})
	wants(t, run, sdk.Never, diag.AuthRefused, "password")
	if n := len(run.Prompts()); n != 3 || run.Prompts()[1].Error == "" {
		t.Errorf("asked %d times", n)
	}
}

func TestBrowser(t *testing.T) {
	page := "<html><!-- <saml-auth-status>1</saml-auth-status><prelogin-cookie>" + samlCookie + "</prelogin-cookie><saml-username>alice</saml-username> --></html>"
	for name, c := range map[string]struct{ method, begin, callback, field string }{
		"REDIRECT": {"REDIRECT", "https://idp.example.com/?a=b", "globalprotectcallback:" + base64.StdEncoding.EncodeToString([]byte(page)), "prelogin-cookie"},
		"POST":     {"POST", "<html>form</html>", page, "prelogin-cookie"},
		"cloud":    {"REDIRECT", "https://idp.example.com/", "globalprotectcallback:cas-as=1&un=alice&token=" + samlCookie, "token"},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			g.prelogin = "<saml-auth-method>" + c.method + "</saml-auth-method><saml-request>" + base64.StdEncoding.EncodeToString([]byte(c.begin)) + "</saml-request>"
			h, run := start(t, g, map[string]string{"usergroup": "gateway"})
			h.Answer("sso", map[string]string{"address": c.callback})
			run.Config()
			run.Path()
			stop(t, run)
			if got := g.requests("/ssl-vpn/login.esp")[0]; got.Get(c.field) != samlCookie || got.Get("user") != "alice" {
				t.Errorf("logged in with %v", got)
			}
		})
	}
}

// A session is handed out as OpenConnect prints it.
func TestSharedLogin(t *testing.T) {
	h := plugintest.NewHost(t)
	newGate(t).at(h)
	h.Answer("login", map[string]string{"username": "alice", "password": password})
	run := h.Run(&plugin{}, plugintest.Profile{Protocol: "globalprotect", LoginOnly: true,
		Options: map[string]string{"gateway": "https://vpn.example.com/", "local-hostname": "laptop"}})
	cookie, gateway := run.LoggedIn()
	if !strings.HasPrefix(cookie, "authcookie="+authCookie+"&portal=GW-N&user=Alice.A&domain=%28empty_domain%29&") || !strings.HasSuffix(cookie, "&computer=laptop") ||
		gateway != "https://gw2.example.com:8443" {
		t.Errorf("%s of %s", cookie, gateway)
	}
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}
