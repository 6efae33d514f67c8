package ui

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/ui/callback"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

const testScheme = "uitestcallback"

// pasting answers with an address, or waits for the end when it has none.
type pasting struct{ address string }

func (p pasting) Ask(ctx context.Context, _ prompt.Prompt) (prompt.Answer, error) {
	if p.address == "" {
		<-ctx.Done()
		return prompt.Answer{}, ctx.Err()
	}
	return prompt.Answer{Values: map[string]string{SchemeAnswer: p.address}}, nil
}

func TestALoginThatTheDesktopEnds(t *testing.T) {
	for _, next := range []Prompter{Nobody{}, pasting{}} {
		var shown bytes.Buffer
		b := NewBrowser("", &shown, next)
		sent := make(chan error, 1)
		b.open = func(address string) error {
			go func() { sent <- callback.Send(t.Context(), testScheme+":"+address, os.Getuid()) }()
			return nil
		}
		answer := ask(t, b, prompt.Prompt{Sso: &prompt.Sso{URL: "https://vpn.test/saml", Scheme: testScheme}})
		if got := answer[SchemeAnswer]; got != testScheme+":https://vpn.test/saml" {
			t.Errorf("answered %q", got)
		}
		if err := <-sent; err != nil {
			t.Error(err)
		}
		if !strings.Contains(shown.String(), "  https://vpn.test/saml\n") {
			t.Errorf("shown %q", shown.String())
		}
	}
}

func TestAnAddressThatIsPasted(t *testing.T) {
	b := NewBrowser("", io.Discard, pasting{testScheme + ":pasted"})
	b.open = func(string) error { return nil }
	p := prompt.Prompt{Sso: &prompt.Sso{URL: "https://vpn.test/saml", Scheme: testScheme}}
	if got := ask(t, b, p)[SchemeAnswer]; got != testScheme+":pasted" {
		t.Errorf("answered %q", got)
	}
	l, err := callback.Listen(testScheme, os.Getuid())
	if err != nil {
		t.Fatal("it still listens:", err)
	}
	defer l.Close()
	if got := ask(t, b, p)[SchemeAnswer]; got != testScheme+":pasted" {
		t.Errorf("while another login waits: answered %q", got)
	}
}

// A page without an address is shown on loopback, or where there is no desktop told whole.
func TestAPageWithoutAnAddress(t *testing.T) {
	const page = "<form action=https://idp.test>"
	var shown bytes.Buffer
	b := NewBrowser("", &shown, pasting{testScheme + ":pasted"})
	served, status := "", []int(nil)
	b.open = func(address string) error {
		for _, a := range []string{address + "x", address} {
			answer, err := http.Get(a)
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			text, _ := io.ReadAll(answer.Body)
			served, status = string(text), append(status, answer.StatusCode)
		}
		return nil
	}
	p := prompt.Prompt{Sso: &prompt.Sso{HTML: page, Scheme: testScheme}}
	b.person = func() (desktop, bool) { return desktop{reachable: true}, true }
	ask(t, b, p)
	if served != page || len(status) != 2 || status[0] != http.StatusNotFound {
		t.Errorf("served %q, %v", served, status)
	}
	b.person = func() (desktop, bool) { return desktop{}, false }
	b.open = func(string) error { return errNoDesktop }
	ask(t, b, p)
	if !strings.Contains(shown.String(), "  data:text/html;base64,PGZvcm0gYWN0aW9uPWh0dHBzOi8vaWRwLnRlc3Q+\n") {
		t.Errorf("shown %q", shown.String())
	}
}

func TestServePage(t *testing.T) {
	address, end, err := ServePage("<p>hello")
	if err != nil {
		t.Fatal(err)
	}
	host := strings.Split(address, "/")[2]
	for _, c := range []struct {
		method, host, address string
		want                  int
	}{
		{"GET", host, address, 200}, {"POST", host, address, 404}, {"GET", "evil.test", address, 404},
		{"GET", host, "http://" + host + "/", 404}, {"GET", host, address + "/x", 404},
	} {
		if got, _ := get(t, c.method, c.host, c.address); got != c.want {
			t.Errorf("%s %s at %s: %d, want %d", c.method, c.address, c.host, got, c.want)
		}
	}
	end()
	if _, err := http.Get(address); err == nil {
		t.Error("it still serves")
	}
}
