package ui

import (
	"context"
	"errors"
	"net/url"
	"os/exec"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// cookieBrowsers are programs that tell their cookies through a pipe, the first one
// that works is taken.
var cookieBrowsers = []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "microsoft-edge-stable", "brave-browser", "brave"}

var (
	errNoBrowser = errors.New("no browser whose cookies can be read is installed: chromium, google-chrome, microsoft-edge or brave")
	errNotShown  = errors.New("the browser ended before it showed a window")
)

// Cookies sends people to login pages that end with a cookie: a browser with a profile
// of its own shows the page, and tells when the cookie is there. Everything else, and
// all of it where there is no such browser, is the next Prompter's.
type Cookies struct {
	next     Prompter
	programs func() []string // the browsers that are installed
	person   func() (desktop, bool)
}

// NewCookies uses the browsers of the desktop's user. How long a login may take is
// for the context of Ask to say.
func NewCookies(next Prompter) *Cookies {
	return &Cookies{next: next, programs: installedBrowsers, person: person}
}

func installedBrowsers() []string {
	var found []string
	for _, name := range cookieBrowsers {
		if path, err := exec.LookPath(name); err == nil {
			found = append(found, path)
		}
	}
	return found
}

// Ask serves an Sso that ends with a cookie. A closed window is Cancelled.
func (c *Cookies) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	if p.Sso == nil || p.Sso.Cookies == nil {
		return c.next.Ask(ctx, p)
	}
	l, err := newCookieLogin(*p.Sso)
	if err != nil {
		return prompt.Answer{}, err
	}
	value, err := c.browse(ctx, l)
	switch {
	case errors.Is(err, errNoDesktop), errors.Is(err, errNoBrowser), errors.Is(err, errNotShown):
		return c.next.Ask(ctx, p)
	case errors.Is(err, errClosed):
		return prompt.Answer{Cancelled: true}, nil
	case err != nil:
		return prompt.Answer{}, err
	}
	return prompt.Answer{Values: map[string]string{p.Sso.Cookies.Cookie: value}}, nil
}

// browse tries the browsers until one shows a window.
func (c *Cookies) browse(ctx context.Context, l *cookieLogin) (string, error) {
	who, ok := c.person()
	if !ok || !who.reachable {
		return "", errNoDesktop
	}
	for _, program := range c.programs() {
		b, err := startCookieBrowser(program, who)
		if err != nil {
			continue
		}
		value, err := l.watch(ctx, b)
		b.end()
		if !errors.Is(err, errNotShown) {
			return value, err
		}
	}
	return "", errNoBrowser
}

// newCookieLogin checks what the gateway sent.
func newCookieLogin(s prompt.Sso) (*cookieLogin, error) {
	page, err := url.Parse(s.URL)
	if err != nil || !webPage(page) {
		return nil, diag.New(diag.Protocol, "the gateway's login page has no web address", "nothing was opened")
	}
	final := page
	if s.Cookies.FinalURL != "" {
		if final, err = url.Parse(s.Cookies.FinalURL); err != nil || !webPage(final) {
			return nil, diag.New(diag.Protocol, "the page that the gateway's login ends at has no web address", "nothing was opened")
		}
	}
	return &cookieLogin{page: page.String(), final: final, cookies: *s.Cookies, reached: s.Cookies.FinalURL == ""}, nil
}

func webPage(u *url.URL) bool {
	return u.Host != "" && (u.Scheme == "https" || u.Scheme == "http")
}
