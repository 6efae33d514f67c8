package dialog

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/ui/callback"
	"github.com/penstock-vpn/penstock/nm/internal/ask"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

func TestALoginThatEndsOnLoopback(t *testing.T) {
	const page = "https://vpn.test/login?a=b&c"
	q := ask.Question{Text: "Corp", Sso: &ask.Sso{URL: page, Loopback: true}}
	for _, c := range []struct {
		by     agent
		opens  error
		want   string
		begins string // of the description
	}{
		{gnomeShell, nil, "given:opened", "Corp"},
		{nmApplet, nil, "given:opened", "Corp"},
		{nmcli, nil, "hidden:", `Corp\nLog in with the browser that is being opened:\n  ` + page + `\nand type "done"`},
		{nmcli, errNoDesktop, "hidden:", `Corp\nLog in with a browser on this machine:\n  ` + page + `\nand type "done"`},
		{gnomeShell, errNoDesktop, "hidden:", `Corp\nLog in with a browser on this machine:\n  ` + page},
	} {
		d := newDialog(external(hints(t, q)...), c.by, nil, nil)
		opened := ""
		d.open = func(_ context.Context, address string) error {
			opened = address
			return c.opens
		}
		g := run(t, d, "")
		if got := brief(g["sso"]); got != c.want || opened != page || !strings.HasPrefix(g["VPN Plugin UI"]["Description"], c.begins) {
			t.Errorf("%q, %v: %s, opened %s, %q", c.by, c.opens, got, opened, g)
		}
	}
}

func TestALoginThatEndsWithACookie(t *testing.T) {
	q := ask.Question{Sso: &ask.Sso{URL: "https://vpn.test/saml", Cookie: "token", FinalURL: "https://vpn.test/end", ErrorCookie: "error"}}
	refused := errors.New("the gateway refused the login")
	for _, c := range []struct {
		name   string
		by     agent
		answer prompt.Answer
		err    error
		want   string
	}{
		{"there", gnomeShell, prompt.Answer{Values: map[string]string{"token": "SECRET"}}, nil, "given:SECRET"},
		{"there", nmApplet, prompt.Answer{Values: map[string]string{"token": "SECRET"}}, nil, "given:SECRET"},
		{"closed", gnomeShell, prompt.Answer{Cancelled: true}, nil, "given:cancelled"},
		{"refused", gnomeShell, prompt.Answer{}, refused, "given:cancelled"},
		{"closed", nmApplet, prompt.Answer{Cancelled: true}, nil, errCancelled.Error()},
		{"refused", nmApplet, prompt.Answer{}, refused, refused.Error()},
		{"no browser", gnomeShell, prompt.Answer{}, errByHand, "hidden:"},
		{"never watched", nmcli, prompt.Answer{}, errors.New("a browser was started"), "hidden:"},
	} {
		d := newDialog(external(hints(t, q)...), c.by, says(t, "DONE\n"), nil)
		d.cookies = prompter(func(p prompt.Prompt) (prompt.Answer, error) {
			if p.Sso.URL != q.Sso.URL || *p.Sso.Cookies != (prompt.Cookies{Cookie: "token", FinalURL: "https://vpn.test/end", ErrorCookie: "error"}) {
				t.Errorf("asked %+v", p.Sso)
			}
			return c.answer, c.err
		})
		var out strings.Builder
		d.Out = &out
		got := ""
		if err := d.Run(t.Context()); err != nil {
			got = err.Error()
		} else {
			g := groups(t, out.String())
			if got = brief(g["sso"]); got == "hidden:" && !strings.Contains(g["VPN Plugin UI"]["Description"], `copy the value of token.`) {
				t.Errorf("%s: %q", c.name, g)
			}
		}
		if got != c.want {
			t.Errorf("%s, for %s: %s, want %s", c.name, c.by, got, c.want)
		}
	}
}

func TestALoginThatEndsWithAScheme(t *testing.T) {
	const scheme, page = "dialogtestcallback", "https://vpn.test/saml"
	q := ask.Question{Sso: &ask.Sso{URL: page, Scheme: scheme}}
	for _, c := range []struct {
		by    agent
		opens error
		want  string
	}{
		{gnomeShell, nil, "given:" + scheme + ":" + page},
		{nmApplet, nil, "given:" + scheme + ":" + page},
		{gnomeShell, errNoDesktop, "hidden:"},
		{nmcli, nil, "hidden:"},
		{nmcli, errNoDesktop, "hidden:"},
	} {
		d := newDialog(external(hints(t, q)...), c.by, says(t, "DONE\n"), nil)
		d.open = func(_ context.Context, address string) error {
			if c.opens == nil && c.by != nmcli {
				go func() { _ = callback.Send(t.Context(), scheme+":"+address, os.Getuid()) }()
			}
			return c.opens
		}
		var out strings.Builder
		d.Out = &out
		if err := d.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		g := groups(t, out.String())
		if got := brief(g["sso"]); got != c.want {
			t.Errorf("for %s, %v: %s, want %s", c.by, c.opens, got, c.want)
		}
		if text := g["VPN Plugin UI"]["Description"]; c.want == "hidden:" && (!strings.Contains(text, page) || !strings.Contains(text, scheme+":")) {
			t.Errorf("for %s: %q", c.by, text)
		}
	}
}

func TestTheShellCancelsAtTheOtherEnd(t *testing.T) {
	q := ask.Question{Sso: &ask.Sso{URL: "https://vpn.test/saml", Cookie: "token"}}
	in, agentSide := io.Pipe()
	d := newDialog(external(hints(t, q)...), gnomeShell, in, io.Discard)
	waits := make(chan struct{})
	d.cookies = waiting(waits)
	done := make(chan error, 1)
	go func() { done <- d.Run(t.Context()) }()
	_, _ = io.WriteString(agentSide, "DONE\n\n")
	<-waits
	_, _ = io.WriteString(agentSide, "QUIT\n\n")
	if err := <-done; err != nil {
		t.Errorf("%v", err)
	}
	_ = agentSide.Close()
}

// waiting is a Prompter that says when it is asked, and waits for the end.
type waiting chan struct{}

func (w waiting) Ask(ctx context.Context, _ prompt.Prompt) (prompt.Answer, error) {
	close(w)
	<-ctx.Done()
	return prompt.Answer{}, ctx.Err()
}

func TestPagesThatAreNotOpened(t *testing.T) {
	for _, address := range []string{"file:///etc/passwd", "javascript:alert(1)", "--help", "", "https://"} {
		d := newDialog(external(hints(t, ask.Question{Sso: &ask.Sso{URL: address, Loopback: true}})...), gnomeShell, says(t, "DONE\n"), io.Discard)
		d.open = func(_ context.Context, page string) error {
			t.Errorf("opened %s", page)
			return nil
		}
		if err := d.Run(t.Context()); err == nil {
			t.Errorf("%q: no error", address)
		}
	}
}

func TestTheFirstProgramThatOpens(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	opened := filepath.Join(dir, "opened")
	script(t, dir, "broken", "exit 3\n")
	script(t, dir, "works", `echo "$@" > `+opened+"\n")
	if err := open(t.Context(), []string{"broken", "https://vpn.test/"}); err == nil {
		t.Error("a program that fails has opened nothing")
	}
	if err := open(t.Context(), []string{"no-such-program", "https://vpn.test/"}); err == nil {
		t.Error("a program that is missing has opened nothing")
	}
	if err := open(t.Context(), []string{"works", "open", "https://vpn.test/"}); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(opened); string(got) != "open https://vpn.test/\n" {
		t.Errorf("opened %q", got)
	}
	t.Setenv("BROWSER", "firefox:my browser %s:works")
	if got := openers(); len(got) != 5 || got[0][0] != "xdg-open" || got[4][0] != "works" {
		t.Errorf("openers %q", got)
	}
}
