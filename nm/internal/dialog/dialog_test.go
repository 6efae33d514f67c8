package dialog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// schema is a protocol's with three secrets.
func schema(protocol string) (option.Schema, error) {
	if protocol != "test" {
		return nil, errors.New("no such plugin")
	}
	return option.Schema{{Key: "gateway", Label: "Gateway"}, {Key: "password", Label: "Password", Secret: true},
		{Key: "key-password", Label: "Key password", Secret: true}, {Key: "proxy-password", Label: "Proxy password", Secret: true}}, nil
}

// prompter is a Prompter that answers so.
type prompter func(prompt.Prompt) (prompt.Answer, error)

func (p prompter) Ask(_ context.Context, q prompt.Prompt) (prompt.Answer, error) { return p(q) }

// newDialog is one that opens pages and reads cookies in no browser.
func newDialog(a Args, by agent, in io.Reader, out io.Writer) *Dialog {
	return &Dialog{Args: a, In: in, Out: out, agent: by, schema: schema, open: func(context.Context, string) error { return errNoDesktop }, cookies: byHand{}}
}

func external(hints ...string) Args {
	return Args{Name: "corp", External: true, Interact: true, Hints: hints}
}

// hints are what the service sends for q.
func hints(t *testing.T, q ask.Question) []string {
	t.Helper()
	all, err := q.Hints()
	if err != nil {
		t.Fatal(err)
	}
	return append(all, "x-vpn-message:"+q.Message())
}

// groups are the parts of a key file, by name, as GLib would read simple values.
func groups(t *testing.T, file string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	name := ""
	for line := range strings.Lines(file) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "[") {
			name = strings.Trim(line, "[]")
			all[name] = map[string]string{}
		} else if key, value, ok := strings.Cut(line, "="); ok {
			all[name][key] = value
		}
	}
	if all["VPN Plugin UI"]["Version"] != "2" || !strings.HasPrefix(file, "[VPN Plugin UI]\n") {
		t.Fatalf("no header: %s", file)
	}
	for name, g := range all {
		if name != "VPN Plugin UI" && len(g) != 4 {
			t.Errorf("[%s] has not four keys: %q", name, g)
		}
	}
	return all
}

// says is an agent that writes text and keeps its end open, as agents do: the end is QUIT.
func says(t *testing.T, text string) io.Reader {
	t.Helper()
	waits, end := io.Pipe()
	t.Cleanup(func() { _ = end.Close() })
	return io.MultiReader(strings.NewReader(text), waits)
}

func run(t *testing.T, d *Dialog, connection string) map[string]map[string]string {
	t.Helper()
	var out bytes.Buffer
	d.In, d.Out = says(t, connection+"DONE\n"), &out
	if err := d.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	return groups(t, out.String())
}

// brief is a group in one word: what becomes of it, and its value.
func brief(g map[string]string) string {
	switch {
	case g == nil:
		return "-"
	case g["ShouldAsk"] == "true" && g["IsSecret"] == "true":
		return "hidden:" + g["Value"]
	case g["ShouldAsk"] == "true":
		return "shown:" + g["Value"]
	}
	return "given:" + g["Value"]
}

func TestStoredSecrets(t *testing.T) {
	const kept = "SECRET_KEY=password\nSECRET_VAL=p1\n\n"
	const other = "DATA_KEY=key-password-flags\nDATA_VAL=2\n\nDATA_KEY=proxy-password-flags\nDATA_VAL=5\n\n"
	const agentOwns = "DATA_KEY=protocol\nDATA_VAL=test\n\nDATA_KEY=password-flags\nDATA_VAL=1\n\n" + other
	for _, c := range []struct {
		name, connection string
		interact, again  bool
		want             string // of password, key-password, proxy-password
	}{
		{"kept by the agent", agentOwns + kept, true, false, "given:p1 hidden: -"},
		{"kept, and again", agentOwns + kept, true, true, "hidden:p1 hidden: -"},
		{"not there", agentOwns, true, false, "hidden: hidden: -"},
		{"nobody to ask", agentOwns + kept, false, false, "given:p1 given: -"},
		{"nobody to ask, again", agentOwns + kept, false, true, "given:p1 given: -"},
		{"NetworkManager keeps it", "DATA_KEY=protocol\nDATA_VAL=test\n\nDATA_KEY=password-flags\nDATA_VAL=0\n\n" + kept, true, false, "- - -"},
		{"no flags", "DATA_KEY=protocol\nDATA_VAL=test\n\n" + kept, true, false, "- - -"},
		{"strange flags", "DATA_KEY=protocol\nDATA_VAL=test\n\nDATA_KEY=password-flags\nDATA_VAL=x2\n\n", true, false, "- - -"},
		{"no plugin", "DATA_KEY=password-flags\nDATA_VAL=2\n\nDATA_KEY=a]b-flags\nDATA_VAL=2\n\n", true, false, "hidden: - -"},
	} {
		for _, by := range []agent{nmcli, nmApplet, gnomeShell, ""} {
			g := run(t, newDialog(Args{Name: "corp", External: true, Interact: c.interact, Again: c.again}, by, nil, nil), c.connection)
			got := brief(g["password"]) + " " + brief(g["key-password"]) + " " + brief(g["proxy-password"])
			if got != c.want {
				t.Errorf("%s, for %q: %s, want %s", c.name, by, got, c.want)
			}
		}
	}
}

// Secrets of another plugin's connection go by that plugin's keys.
func TestSecretsOfOtherPlugins(t *testing.T) {
	const vpnc = "DATA_KEY=IPSec gateway\nDATA_VAL=vpn.test\n\nDATA_KEY=Xauth password-flags\nDATA_VAL=1\n\nDATA_KEY=IPSec secret-flags\nDATA_VAL=2\n\n"
	const openconnect = "DATA_KEY=gateway\nDATA_VAL=vpn.test\n\nDATA_KEY=cookie-flags\nDATA_VAL=2\n\n"
	for _, c := range []struct {
		service, connection string
		by                  agent
		want                string // of gateway, cookie, gwcert, Xauth password, IPSec secret
	}{
		{"vpnc", vpnc + "SECRET_KEY=Xauth password\nSECRET_VAL=p1\n\n", nmcli, "- - - given:p1 hidden:"},
		{"vpnc", vpnc, gnomeShell, "- - - hidden: hidden:"},
		{"openconnect", openconnect, nmcli, "hidden: hidden: hidden: - -"}, // which has a program log in
		{"openconnect", openconnect, gnomeShell, "given:vpn.test - - - -"},
		{"openconnect", openconnect, nmApplet, "given:vpn.test - - - -"},
		{"openconnect", openconnect + "SECRET_KEY=form:main:password\nSECRET_VAL=p1\n\n", nmcli, "- - - - -"},
	} {
		d := newDialog(Args{Name: "corp", Service: "org.freedesktop.NetworkManager." + c.service, External: true, Interact: true}, c.by, nil, nil)
		d.schema = func(string) (option.Schema, error) {
			return option.Schema{{Key: "password", Secret: true}, {Key: "group-password", Secret: true}}, nil
		}
		g := run(t, d, c.connection)
		got := []string{}
		for _, key := range []string{"gateway", "cookie", "gwcert", "Xauth password", "IPSec secret"} {
			got = append(got, brief(g[key]))
		}
		if words := strings.Join(got, " "); words != c.want {
			t.Errorf("%s, for %q: %s, want %s", c.service, c.by, words, c.want)
		}
	}
}

func TestLabels(t *testing.T) {
	const flags = "DATA_KEY=password-flags\nDATA_VAL=2\n\n"
	if g := run(t, newDialog(external(), nmcli, nil, nil), flags+"DATA_KEY=protocol\nDATA_VAL=test\n\n"); g["password"]["Label"] != "Password" {
		t.Errorf("with the schema: %q", g["password"])
	}
	if g := run(t, newDialog(external(), nmcli, nil, nil), flags); g["password"]["Label"] != "password" {
		t.Errorf("without: %q", g["password"])
	}
}

func login() ask.Question {
	return ask.Question{Error: "Login failed.", Text: "Who are you?", Fields: []ask.Field{
		{Key: "authgroup", Label: "Group:", Default: "staff", Choices: []ask.Choice{{Value: "staff", Label: "Staff"}, {Value: "guests", Label: "guests"}}},
		{Key: "username", Label: "User", Default: "alice"},
		{Key: "password", Label: "Password:", Secret: true},
		{Key: "otp", Label: "Code\x1b[1m", Secret: true},
	}}
}

func TestWhatEachAgentShows(t *testing.T) {
	for by, want := range map[agent]string{
		nmcli:      "hidden: hidden: hidden: hidden:",
		nmApplet:   "given:staff hidden: hidden: hidden:", // it has room for three
		gnomeShell: "shown:staff shown:alice hidden: hidden:",
		"":         "hidden: hidden: hidden: hidden:",
	} {
		g := run(t, newDialog(external(hints(t, login())...), by, nil, nil), "")
		got := strings.Join([]string{brief(g["authgroup"]), brief(g["username"]), brief(g["password"]), brief(g["otp"])}, " ")
		if got != want {
			t.Errorf("%q: %s, want %s", by, got, want)
		}
		label := map[bool]string{true: "User", false: "User [alice]"}[by == gnomeShell]
		if g["username"]["Label"] != label || g["otp"]["Label"] != "Code" {
			t.Errorf("%q: labels %q and %q", by, g["username"]["Label"], g["otp"]["Label"])
		}
	}
}

func TestNobodyToAsk(t *testing.T) {
	for _, q := range []ask.Question{login(), {Confirm: &ask.Confirm{}}, {Sso: &ask.Sso{URL: "https://vpn.test/", Loopback: true}}, {Sso: &ask.Sso{URL: "https://vpn.test/", Cookie: "c"}}} {
		a := external(hints(t, q)...)
		a.Interact = false
		d := newDialog(a, gnomeShell, nil, nil)
		d.open = func(context.Context, string) error { t.Error("a page was opened"); return nil }
		d.cookies = prompter(func(prompt.Prompt) (prompt.Answer, error) {
			t.Error("a browser was started")
			return prompt.Answer{}, nil
		})
		g := run(t, d, "SECRET_KEY=password\nSECRET_VAL=p1\n\n")
		for name, group := range g {
			if group["ShouldAsk"] == "true" {
				t.Errorf("%+v: %s is asked", q, name)
			}
		}
		if len(q.Fields) > 0 && (brief(g["password"]) != "given:p1" || brief(g["username"]) != "given:") {
			t.Errorf("%q", g)
		}
	}
}

func TestAConfirmation(t *testing.T) {
	q := ask.Question{Text: "Be good.", Confirm: &ask.Confirm{Accept: "Accept"}}
	for by, want := range map[agent]string{nmcli: "hidden:", gnomeShell: "shown:"} {
		g := run(t, newDialog(external(hints(t, q)...), by, nil, nil), "")
		if brief(g["confirm"]) != want || g["confirm"]["Label"] != `Type "yes" for "Accept"` || g["VPN Plugin UI"]["Description"] != "Be good." {
			t.Errorf("%q: %q", by, g)
		}
	}
}

func TestAQuestionThatIsNotUnderstood(t *testing.T) {
	d := newDialog(external("otp", "x-penstock-question:***"), nmcli, says(t, "DONE\n"), io.Discard)
	if err := d.Run(t.Context()); err == nil {
		t.Error("no error")
	}
}

func TestAnAgentThatSaysNothing(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newDialog(external(), nmcli, r, io.Discard).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestKeyFilesAreEscaped(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "plain": "plain", "  a b ": `\s\sa b\s`, " ": `\s`, `C:\new`: `C:\\new`, "a\nb\tc\rd": `a\nb\tc\rd`, "a\x00\x1b\u009bb": "ab", "ä;#=[": "ä;#=[", "\xff": "",
	} {
		if got := escape(value); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
	choices := make([]ask.Choice, 200)
	for i := range choices {
		choices[i].Value = strings.Repeat("v", 90)
	}
	q := ask.Question{Text: "a\nb", Fields: []ask.Field{{Key: "g", Choices: choices}}}
	got := run(t, newDialog(external(hints(t, q)...), nmcli, nil, nil), "")["VPN Plugin UI"]["Description"]
	if !strings.HasPrefix(got, `a\nb\ng, one of:\n  vvv`) || !strings.HasSuffix(got, `\n...`) || len(got) > 2*maxDescription {
		t.Errorf("description of %d bytes %.60q", len(got), got)
	}
}

func TestTheParentIsNamed(t *testing.T) {
	self, err := os.ReadFile("/proc/self/comm")
	if err != nil {
		t.Fatal(err)
	}
	if got := Parent(); got == "" || got == strings.TrimSpace(string(self)) {
		t.Errorf("got %q", got)
	}
}

func TestNewIsWhole(t *testing.T) {
	d := New(Args{Name: "x"}, "nmcli", os.Stdin, os.Stdout)
	if _, err := d.schema("no-such-protocol"); err == nil || d.agent != nmcli || d.open == nil || d.cookies.(*ui.Cookies) == nil {
		t.Errorf("%+v", d)
	}
	t.Setenv("DISPLAY", "")
	t.Setenv("WAYLAND_DISPLAY", "")
	if err := d.open(t.Context(), "https://vpn.test/"); !errors.Is(err, errNoDesktop) {
		t.Errorf("opened without a desktop: %v", err)
	}
}

func script(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+text), 0o755); err != nil {
		t.Fatal(err)
	}
}
