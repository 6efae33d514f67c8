package main

import (
	"context"
	"net/url"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// loginTimeout is for one request: a gateway may wait for a person with a phone.
const loginTimeout = 5 * time.Minute

// login logs in, or takes the cookie of a login.
func (o *options) login(ctx context.Context, s *sdk.Session) (*gp.Session, error) {
	if s.Stored(cookieOption) {
		return o.takeCookie(ctx, s)
	}
	var peer sdk.Info
	client := tunnel.Client(s, o.userAgent, o.certificate, loginTimeout, func(i sdk.Info) { peer = i })
	defer client.Close()
	session, err := auth.Login(ctx, auth.Config{
		Server: o.server, Role: o.role, Field: o.field, Choice: o.choice, Ask: o.ask, SSO: o.sso, Identity: o.identity,
		Cookies: slices.DeleteFunc(slices.Clone(auth.CookieOptions), func(key string) bool { return !s.Stored(key) }),
		Peer:    func() sdk.Info { return peer }, HTTP: client, User: s,
	})
	if err == nil && o.version != "" {
		session.AppVersion = o.version
	}
	return session, err
}

// takeCookie stands in for a login: the host gives the stored cookie, and nothing is
// sent to the gateway before the tunnel is asked for.
func (o *options) takeCookie(ctx context.Context, s *sdk.Session) (*gp.Session, error) {
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "Log in to " + o.server.Hostname(), Form: &prompt.Form{ID: "cookie", Fields: []prompt.Field{
		{Name: "cookie", Label: "Session cookie", Kind: prompt.Password, Option: cookieOption},
	}}})
	switch {
	case err != nil:
		return nil, err
	case answer.Cancelled:
		return nil, diag.New(diag.Cancelled, "the login was cancelled", "")
	}
	cookie, err := gp.ParseCookie(answer.Values["cookie"])
	if err != nil {
		return nil, diag.New(diag.Config, "the session cookie cannot be used: "+err.Error(),
			"It is what openconnect --authenticate --protocol=gp prints as COOKIE: authcookie=...&portal=...&user=...").With(cookieOption)
	}
	if cookie.Get(gp.Computer) == "" {
		cookie = cookie.With(gp.Computer, o.identity.Computer)
	}
	return &gp.Session{Gateway: &url.URL{Scheme: "https", Host: o.server.Host}, Cookie: cookie, AppVersion: o.version}, nil
}

// tunnel are the options of the tunnel.
func (o *options) tunnel(s *sdk.Session) tunnel.Options {
	var option string
	if s.Stored(cookieOption) {
		option = cookieOption
	}
	return tunnel.Options{
		Identity: o.identity, UserAgent: o.userAgent, Certificate: o.certificate, CookieOption: option,
		NoESP: o.noESP, Wrapper: o.wrapper, HIPInterval: o.hipInterval, MTU: o.mtu, DPD: o.dpd,
	}
}
