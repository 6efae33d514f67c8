package gp

import (
	"net/url"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestChallengeInAllItsForms(t *testing.T) {
	script := `var respStatus = "Challenge";` + "\n" + `var respMsg = "Enter the \"code\"\nfrom your pho\u006ee";` + "\n" + `thisForm.inputStr.value = "5af23";`
	for name, body := range map[string]string{
		"JavaScript": "\n" + script,
		"HTML":       "<html><head></head><body>" + strings.ReplaceAll(script, `"`, "&quot;") + "</body></html>",
		"bare HTML":  "<html><body>" + script + "</body></html>",
		"XML":        "<challenge><user>alice</user><inputstr>5af23</inputstr><respmsg>Enter the \"code\"\nfrom your phone</respmsg></challenge>",
	} {
		a, err := ReadBody([]byte(body))
		if err != nil || a.Challenge == nil || a.Challenge.Input != "5af23" || a.Challenge.Message != "Enter the \"code\"\nfrom your phone" {
			t.Errorf("%s: got %+v, %v", name, a.Challenge, err)
		}
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		kind   Kind
		code   diag.Code
		says   string
	}{
		"512":             {512, "", Refused, diag.AuthRefused, "password"},
		"513":             {513, "<html/>", Certificate, diag.AuthRefused, "certificate"},
		"404":             {404, "not found", Absent, diag.Protocol, "404"},
		"500":             {500, "oops", Malformed, diag.Protocol, "500"},
		"no portal":       {200, "<prelogin-response><status>Error</status><msg>GlobalProtect portal does not exist</msg></prelogin-response>", Absent, diag.Config, "portal"},
		"no gateway, 512": {512, "<prelogin-response><status>Error</status><msg>GlobalProtect gateway does not exist</msg></prelogin-response>", Absent, diag.Config, "gateway"},
		"dead cookie":     {200, `<response status="error"><error>Invalid authentication cookie</error></response>`, Dead, diag.AuthRefused, "any more"},
		"no restoration":  {200, `<response status="error"><error>Allow Automatic Restoration of SSL VPN is disabled</error></response>`, Dead, diag.AuthRefused, "each tunnel"},
		"bad cookie":      {200, "errors getting SSL/VPN config", Dead, diag.AuthRefused, "whole"},
		"other": {200, `<response status="error"><error>Moon  in the
			wrong house</error></response>`, Other, diag.SessionEnded, "Moon in the wrong house"},
		"script":  {200, `var respStatus = "Error"; var respMsg = "Account locked"; thisForm.inputStr.value = "";`, Refused, diag.AuthRefused, "Account locked"},
		"garbage": {200, "<<<", Malformed, diag.Protocol, "not understood"},
		"empty":   {200, "", Malformed, diag.Protocol, "empty"},
	} {
		_, err := Read(&httpc.Response{Status: c.status, Reason: "Custom error", Body: []byte(c.body)})
		if err == nil || KindOf(err) != c.kind || diag.Of(err).Code != c.code || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: got kind %d, %v", name, KindOf(err), err)
		}
	}
}

func TestCookieAndLogout(t *testing.T) {
	f, err := ParseCookie("authcookie=0a0b&portal=GW%20N&user=alice&domain=%28empty_domain%29&preferred-ip=10.0.0.2&computer=laptop")
	if err != nil {
		t.Fatal(err)
	}
	s := Session{Gateway: &url.URL{Scheme: "https", Host: "gw.test"}, Cookie: f, OSVersion: "Linux 6"}
	if got := s.LogoutFields().Encode(); got != "user=alice&portal=GW%20N&authcookie=0a0b&domain=%28empty_domain%29&computer=laptop&os-version=Linux%206" {
		t.Error(got)
	}
	for _, wrong := range []string{"", "abc", "authcookie=1", "user=alice"} {
		if _, err := ParseCookie(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}

func TestRedact(t *testing.T) {
	for body, want := range map[string]string{
		"user=alice&passwd=SECRET&portal-userauthcookie=empty&token=SECRET":                 "user=alice&passwd=[redacted]&portal-userauthcookie=empty&token=[redacted]",
		"<policy><portal-userauthcookie>SECRET</portal-userauthcookie><version>6</version>": "<policy><portal-userauthcookie>[redacted]</portal-userauthcookie><version>6</version>",
		"<ekey-c2s><bits>128</bits><val>0SECRET</val></ekey-c2s>":                           "<ekey-c2s><bits>128</bits><val>[redacted]</val></ekey-c2s>",
		"<jnlp><argument>a</argument><argument>SECRET</argument><argument/></jnlp>":         "<jnlp><argument>a</argument><argument>[redacted]</argument><argument/></jnlp>",
		`var respStatus = "Challenge"; thisForm.inputStr.value = "SECRET"`:                  `var respStatus = "Challenge"; thisForm.inputStr.value = "[redacted]"`,
		"<x>" + strings.Repeat("ab", 20) + "</x>":                                           "<x>[redacted]</x>",
		"SECRET text": "[redacted]",
	} {
		if got := Redact([]byte(body)); got != want {
			t.Errorf("%q: got %q", body, got)
		}
	}
}

func FuzzReadBody(f *testing.F) {
	f.Add([]byte(`var respStatus = "Challenge"; var respMsg = "x\"y"; thisForm.inputStr.value = "5"`))
	f.Add([]byte(`<html><body>respStatus='Error'</body></html>`))
	f.Add([]byte(`<response status="error"><error>x</error></response>`))
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := ReadBody(body)
		if (err == nil) == (a.Root == nil && a.Challenge == nil) {
			t.Fatalf("%q: got %+v, %v", body, a, err)
		}
		if err != nil && len(err.Error()) > 4096 {
			t.Fatalf("an error of %d bytes", len(err.Error()))
		}
		_ = Redact(body)
	})
}
