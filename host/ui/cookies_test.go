package ui

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// fakeBrowser in the environment makes the test program a browser, in which that happens.
const fakeBrowser = "FAKE_BROWSER"

func TestMain(m *testing.M) {
	if act := os.Getenv(fakeBrowser); act != "" {
		os.Exit(browse(act))
	}
	os.Exit(m.Run())
}

// browse speaks a browser's end of the pipe.
func browse(act string) int {
	calls, out := bufio.NewScanner(os.NewFile(3, "calls")), os.NewFile(4, "answers")
	calls.Split(untilZero)
	say := func(format string, args ...any) { _, _ = out.Write(append(fmt.Appendf(nil, format, args...), 0)) }
	page := func(event, url string) {
		say(`{"method":"Target.target%s","params":{"targetInfo":{"targetId":"T1","type":"page","url":%q}}}`, event, url)
	}
	if act == "broken" {
		return 1
	}
	profile := ""
	for _, arg := range os.Args {
		if dir, ok := strings.CutPrefix(arg, "--user-data-dir="); ok {
			profile = dir
		}
	}
	_ = os.WriteFile(filepath.Join(profile, "Cookies"), []byte("x"), 0o600)
	_ = os.WriteFile(os.Getenv("FAKE_ARGS"), []byte(strings.Join(os.Args, "\n")), 0o600)
	looks := 0
	for calls.Scan() {
		var call struct {
			ID        int
			Method    string
			SessionID string
			Params    struct {
				TargetID, URL string
			}
		}
		_ = json.Unmarshal(calls.Bytes(), &call)
		switch call.Method {
		case "Target.setDiscoverTargets":
			say(`{"id":%d,"result":{}}`, call.ID)
			say(`{"method":"Target.targetCreated","params":{"targetInfo":{"targetId":"B","type":"browser","url":""}}}`)
			say(`not JSON`)
			page("Created", "about:blank")
		case "Target.attachToTarget":
			say(`{"id":%d,"result":{"sessionId":"S-%s"}}`, call.ID, call.Params.TargetID)
		case "Page.navigate":
			if call.SessionID != "S-T1" || call.Params.URL != "https://vpn.test/saml?id=1" {
				return 2
			}
			page("InfoChanged", "https://idp.test/login")
			switch act {
			case "close":
				say(`{"method":"Target.targetDestroyed","params":{"targetId":"T1"}}`)
			case "crash":
				return 3
			default:
				page("InfoChanged", "https://vpn.test/end/?x=1#y")
			}
		case "Storage.getCookies":
			looks++
			say(`{"id":%d,"result":{"cookies":%s}}`, call.ID, cookiesOf(act, looks))
		case "Browser.close":
			if act != "stubborn" {
				return 0
			}
		}
	}
	if act == "stubborn" {
		select {}
	}
	return 0
}

// cookiesOf is what is in the jar: the token comes with the third look, by a script.
func cookiesOf(act string, looks int) string {
	jar := []cookie{{"token", "phished", "evil.test"}, {"token", "phished", "xvpn.test"}, {"token", "", "vpn.test"}, {"other", "x", "vpn.test"}}
	if act == "early" {
		jar = append(jar, cookie{"token", "SECRET", "vpn.test"})
	}
	if looks >= 3 {
		switch act {
		case "refused":
			jar = append(jar, cookie{"token", "SECRET", "vpn.test"}, cookie{"error", "Account\x1b[1m locked", ".test"})
		default:
			jar = append(jar, cookie{"token", "SECRET", ".VPN.test"})
		}
	}
	data, _ := json.Marshal(jar)
	return string(data)
}

func saml() prompt.Prompt {
	return prompt.Prompt{Sso: &prompt.Sso{URL: "https://vpn.test/saml?id=1",
		Cookies: &prompt.Cookies{Cookie: "token", FinalURL: "https://VPN.test:443/end", ErrorCookie: "error"}}}
}

// counting is a Prompter that counts what reaches it.
type counting int

func (c *counting) Ask(context.Context, prompt.Prompt) (prompt.Answer, error) {
	*c++
	return prompt.Answer{Values: map[string]string{"token": "pasted"}}, nil
}

// newFake makes a Cookies whose browsers act as told, and returns the directory that
// their profiles are in.
func newFake(t *testing.T, next Prompter, act string, programs ...string) (*Cookies, string) {
	t.Helper()
	runtime := t.TempDir()
	env := []string{fakeBrowser + "=" + act, "XDG_RUNTIME_DIR=" + runtime, "FAKE_ARGS=" + filepath.Join(runtime, "args"), "DISPLAY=:9"}
	if len(programs) == 0 {
		programs = []string{os.Args[0]}
	}
	return &Cookies{next: next, programs: func() []string { return programs },
		person: func() (desktop, bool) { return desktop{env: env, reachable: true}, true }}, runtime
}

func TestALoginThatEndsWithACookie(t *testing.T) {
	for _, act := range []string{"late", "stubborn"} {
		c, runtime := newFake(t, Nobody{}, act, "/no/such/browser", os.Args[0])
		if got := ask(t, c, saml()); got["token"] != "SECRET" {
			t.Errorf("%s: got %q", act, got)
		}
		args, err := os.ReadFile(filepath.Join(runtime, "args"))
		if err != nil || !strings.Contains(string(args), "\n--remote-debugging-pipe\n") || bytes.Contains(args, []byte("vpn.test")) {
			t.Errorf("arguments %q %v", args, err)
		}
		if left, err := os.ReadDir(runtime); err != nil || len(left) != 1 {
			t.Errorf("left behind: %v %v", left, err)
		}
	}
}

func TestALoginThatIsRefusedOrGivenUp(t *testing.T) {
	c, _ := newFake(t, Nobody{}, "refused")
	if _, err := c.Ask(t.Context(), saml()); diag.Of(err) == nil || diag.Of(err).Code != diag.AuthRefused || diag.Of(err).Detail != "it says: Account locked" {
		t.Errorf("refused: %v", err)
	}
	for _, act := range []string{"close", "crash"} {
		c, _ := newFake(t, Nobody{}, act)
		if a, err := c.Ask(t.Context(), saml()); err != nil || !a.Cancelled {
			t.Errorf("%s: %+v %v", act, a, err)
		}
	}
}

func TestTheCookieCountsAtTheEndOnly(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c, runtime := newFake(t, Nobody{}, "early")
	p := saml()
	p.Sso.Cookies.FinalURL = "https://vpn.test/never"
	if a, err := c.Ask(ctx, p); !errors.Is(err, context.Canceled) {
		t.Errorf("%+v %v", a, err)
	}
	if left, _ := filepath.Glob(filepath.Join(runtime, "penstock-login-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	l, err := newCookieLogin(*p.Sso)
	if err != nil {
		t.Fatal(err)
	}
	there := []cookie{{"token", "SECRET", "vpn.test"}}
	if got, err := l.judge(there); got != "" || err != nil {
		t.Errorf("before the end: %q %v", got, err)
	}
	l.reached = true
	if got, err := l.judge(there); got != "SECRET" || err != nil {
		t.Errorf("at the end: %q %v", got, err)
	}
}

func TestWhereTheLoginEnds(t *testing.T) {
	l, err := newCookieLogin(*saml().Sso)
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"https://vpn.test/end": true, "https://vpn.test/end/?a#b": true, "https://vpn.test:443/end": true,
		"http://vpn.test/end": false, "https://vpn.test/end2": false, "https://vpn.test:444/end": false, "https://evil.test/end": false, "": false, "%": false,
	} {
		if l.isFinal(address) != want {
			t.Errorf("%s: %v", address, !want)
		}
	}
}

func TestWithoutSuchABrowserTheNextIsAsked(t *testing.T) {
	var next counting
	none, _ := newFake(t, &next, "late", "/no/such/browser")
	broken, _ := newFake(t, &next, "broken")
	headless, _ := newFake(t, &next, "late")
	headless.person = func() (desktop, bool) { return desktop{}, true }
	for name, c := range map[string]*Cookies{"none": none, "broken": broken, "headless": headless} {
		before := next
		if got := ask(t, c, saml()); got["token"] != "pasted" || next != before+1 {
			t.Errorf("%s: %q", name, got)
		}
	}
	before := next
	if ask(t, none, login("")); next != before+1 {
		t.Error("a form did not reach the next")
	}
}

func TestLoginPagesWithCookiesThatAreRefused(t *testing.T) {
	c, _ := newFake(t, Nobody{}, "late")
	file, final := saml(), saml()
	file.Sso.URL, final.Sso.Cookies.FinalURL = "file:///etc/passwd", "javascript:x"
	for _, p := range []prompt.Prompt{file, final} {
		if _, err := c.Ask(t.Context(), p); diag.Of(err) == nil || diag.Of(err).Code != diag.Protocol {
			t.Errorf("%+v: %v", p.Sso, err)
		}
	}
}

func TestInstalledBrowsers(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"brave", "chromium", "firefox"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	if got := installedBrowsers(); !slices.Equal(got, []string{filepath.Join(dir, "chromium"), filepath.Join(dir, "brave")}) {
		t.Errorf("found %q", got)
	}
}

func FuzzDevtools(f *testing.F) {
	f.Add([]byte(`{"method":"Target.targetCreated","params":{"targetInfo":{"targetId":"T1","type":"page","url":"https://x/"}}}` + "\x00" + `{"id":4,"result":{"cookies":[]}}` + "\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := newCookieLogin(*saml().Sso)
		if err != nil {
			t.Fatal(err)
		}
		l.pages = map[string]bool{}
		silent, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer silent.Close()
		b := &cookieBrowser{to: silent, cmd: &exec.Cmd{}}
		lines := bufio.NewScanner(bytes.NewReader(data))
		lines.Split(untilZero)
		for lines.Scan() {
			if m, err := parseDevtools(lines.Bytes()); err == nil {
				_, _ = l.take(b, m)
			}
		}
	})
}
