package auth

import (
	"context"
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Where a browser brings the token: fixed by the protocol.
const (
	ssoPort   = 29786
	ssoPrefix = "/api/sso/"
)

// methods are the ways that the gateway may choose from, by their names on the wire.
func (c Config) methods() []string {
	switch {
	case c.SSO == SSONone:
		return nil
	case c.SSO == SSOAny && c.Keys != nil:
		return []string{"single-sign-on-v2", "single-sign-on-external-browser"}
	}
	return []string{"single-sign-on-v2"}
}

// browse sends the user to the login page and returns the token that comes back.
func (l *login) browse(ctx context.Context, f *aggregate.Form) (string, error) {
	if l.cfg.SSO == SSONone {
		return "", diag.New(diag.AuthRefused, "the gateway wants a login in the browser, which is switched off",
			"Allow it: set the option `sso` to auto.").With("sso")
	}
	page, err := l.webAddress(f.SSO.Login)
	if err != nil {
		return "", err
	}
	l.cfg.User.Info("The gateway wants a login in the browser.")
	if f.SSO.External {
		return l.browseOutside(ctx, f, page)
	}
	return l.browseEmbedded(ctx, f, page)
}

func (l *login) webAddress(text string) (*url.URL, error) {
	u, err := l.url.Parse(text)
	if err != nil || text == "" || u.Scheme != "https" || u.Hostname() == "" {
		return nil, diag.New(diag.Protocol, "the gateway's login page is no https address", "Ask the administrator of the gateway.")
	}
	return u, nil
}

func (l *login) browseOutside(ctx context.Context, f *aggregate.Form, page *url.URL) (string, error) {
	if l.cfg.Keys == nil {
		return "", diag.New(diag.Protocol, "the gateway wants a login in the user's own browser, which it was not offered", "Set the option `sso` to auto.")
	}
	p := l.answers.Ask(f)
	p.Sso = &prompt.Sso{URL: page.String(), Loopback: &prompt.Loopback{Port: ssoPort, PathPrefix: ssoPrefix, RedirectParam: "return"}}
	answer, err := l.ask(ctx, p)
	if err != nil {
		return "", err
	}
	token, err := l.cfg.Keys.openToken(answer["request_uri"])
	if err != nil {
		return "", diag.New(diag.AuthRefused, "the login in the browser brought no usable token: "+err.Error(), "Log in again; close other pages of an earlier login first.")
	}
	return token, nil
}

// openToken takes the token out of the address that the browser called.
func (k *Keys) openToken(requestURI string) (string, error) {
	sealed, err := sealedIn(requestURI)
	if err != nil {
		return "", err
	}
	t, err := parseSealedToken(sealed)
	if err != nil {
		return "", err
	}
	token, err := t.openWith(k.dh)
	if err != nil {
		return "", err
	}
	for _, c := range token {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			return "", errNotAlphanumeric
		}
	}
	return string(token), nil
}

var errNotAlphanumeric = diag.Newf(diag.Protocol, "the token has characters that no token has")

// sealedIn decodes the path's last part, base64 with the percent signs of an address.
func sealedIn(requestURI string) ([]byte, error) {
	path, _, _ := strings.Cut(requestURI, "?")
	encoded, found := strings.CutPrefix(path, ssoPrefix)
	if !found || len(encoded) > 2*maxToken {
		return nil, diag.Newf(diag.Protocol, "the browser called another address")
	}
	text, err := url.PathUnescape(encoded)
	if err != nil {
		return nil, err
	}
	// A plus sign may have become a blank on its way through an address.
	text = strings.TrimRight(strings.ReplaceAll(text, " ", "+"), "=")
	return base64.RawStdEncoding.DecodeString(text)
}

func (l *login) browseEmbedded(ctx context.Context, f *aggregate.Form, page *url.URL) (string, error) {
	final, err := l.webAddress(f.SSO.Final)
	if err != nil {
		return "", err
	}
	if f.SSO.Cookie == "" {
		return "", diag.New(diag.Protocol, "the gateway does not say which cookie ends the login in the browser", "Ask the administrator of the gateway.")
	}
	p := l.answers.Ask(f)
	p.Sso = &prompt.Sso{URL: page.String(), Cookies: &prompt.Cookies{FinalURL: final.String(), Cookie: f.SSO.Cookie, ErrorCookie: f.SSO.ErrorCookie}}
	answer, err := l.ask(ctx, p)
	if err != nil {
		return "", err
	}
	if reason := answer[f.SSO.ErrorCookie]; f.SSO.ErrorCookie != "" && reason != "" {
		return "", diag.New(diag.AuthRefused, "the login in the browser failed", reason)
	}
	if answer[f.SSO.Cookie] == "" {
		return "", diag.New(diag.AuthRefused, "the login in the browser ended without a token", "Log in again.")
	}
	return answer[f.SSO.Cookie], nil
}
