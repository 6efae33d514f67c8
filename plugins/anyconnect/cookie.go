package main

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// takeCookie stands in for a login: the host gives the stored cookie, and nothing is
// sent to the gateway before the tunnel is asked for.
func (o *options) takeCookie(ctx context.Context, s *sdk.Session) (*loggedIn, error) {
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "Log in to " + o.gateway.Hostname(), Form: &prompt.Form{ID: "cookie", Fields: []prompt.Field{
		{Name: "cookie", Label: "Session cookie", Kind: prompt.Password, Option: cookieOption},
	}}})
	switch {
	case err != nil:
		return nil, err
	case answer.Cancelled:
		return nil, diag.New(diag.Cancelled, "the login was cancelled", "")
	}
	value, keys, err := auth.ParseCookie(answer.Values["cookie"])
	if err != nil {
		return nil, diag.New(diag.Config, "the session cookie cannot be used: "+err.Error(),
			"It is what openconnect --authenticate prints as COOKIE: VALUE, webvpn=VALUE, or openconnect_strapkey=KEY; webvpn=VALUE.").With(cookieOption)
	}
	return &loggedIn{result: &auth.Result{Cookie: value, Gateway: o.gateway}, keys: keys}, nil
}

// share hands the session out where the host wants that, with the key that it is bound to.
func (in *loggedIn) share(ctx context.Context, s *sdk.Session) error {
	if !s.ShareLogin() {
		return nil
	}
	cookie, err := auth.FormatCookie(in.result.Cookie, in.keys)
	if err == nil {
		err = s.LoggedIn(ctx, cookie, in.result.Gateway)
	}
	if err != nil && in.kept != nil {
		_ = in.kept.Close()
	}
	return err
}
