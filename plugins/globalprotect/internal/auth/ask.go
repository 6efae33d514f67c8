package auth

import (
	"context"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// credentials asks for what the server wants.
func (l *login) credentials(ctx context.Context, pre prelogin, refusal string) (credentials, error) {
	switch {
	case len(l.cfg.Cookies) > 0:
		key := l.cfg.Cookies[0]
		l.cfg.Cookies = nil // good for one login
		return l.storedCookie(ctx, pre, key)
	case pre.page != nil && l.cfg.Field == "":
		if !l.cfg.SSO {
			return credentials{}, diag.New(diag.AuthRefused, "the gateway wants a login by single sign-on, which the option sso switches off", "Allow it, or give what another program fetched with the option prelogin-cookie.").With("sso")
		}
		return l.browse(ctx, *pre.page)
	}
	return l.askPassword(ctx, pre, refusal)
}

// askPassword asks for user name and password. A user name that served already is
// not asked for again.
func (l *login) askPassword(ctx context.Context, pre prelogin, refusal string) (credentials, error) {
	c := credentials{user: l.with.user, field: "passwd"}
	if refusal != "" {
		c.user = ""
	}
	secret := prompt.Field{Name: "password", Label: pre.passwordLabel, Kind: prompt.Password, Option: "password", MayStore: true}
	if l.cfg.Field != "" {
		c.field, c.once, secret.Label = l.cfg.Field, true, l.cfg.Field
	}
	f := &prompt.Form{ID: "login"}
	if c.user == "" {
		f.Fields = append(f.Fields, prompt.Field{Name: "username", Label: pre.userLabel, Default: pre.user, Option: "username"})
	}
	f.Fields = append(f.Fields, secret)
	values, err := l.ask(ctx, prompt.Prompt{Title: "Log in to " + l.server.Hostname(), Text: pre.message, Error: refusal, Form: f})
	if err != nil {
		return c, err
	}
	if c.user == "" {
		c.user = values["username"]
	}
	c.secret = values["password"]
	l.cfg.Field = "" // what was fetched is good for one login
	return c, nil
}

// storedCookie takes the cookie of an option; the host gives it unasked.
func (l *login) storedCookie(ctx context.Context, pre prelogin, key string) (credentials, error) {
	values, err := l.ask(ctx, prompt.Prompt{Title: "Log in to " + l.server.Hostname(), Form: &prompt.Form{ID: "cookie", Fields: []prompt.Field{
		{Name: "username", Label: pre.userLabel, Default: pre.user, Option: "username"},
		{Name: "cookie", Label: key, Kind: prompt.Password, Option: key},
	}}})
	return credentials{user: values["username"], field: key, secret: values["cookie"], once: true}, err
}

// askCode answers a challenge.
func (l *login) askCode(ctx context.Context, c *gp.Challenge) (string, error) {
	field := prompt.Field{Name: "otp", Label: "Answer", Kind: prompt.OTP}
	if strings.Contains(strings.ToLower(c.Message), "new password") {
		field.Label, field.Kind = "New password", prompt.Password
	}
	values, err := l.ask(ctx, prompt.Prompt{Title: "Log in to " + l.server.Hostname(), Text: c.Message, Form: &prompt.Form{ID: "challenge", Fields: []prompt.Field{field}}})
	return values["otp"], err
}

func (l *login) ask(ctx context.Context, p prompt.Prompt) (map[string]string, error) {
	answer, err := l.cfg.User.Ask(ctx, p)
	switch {
	case err != nil:
		return nil, err
	case answer.Cancelled:
		return nil, diag.New(diag.Cancelled, "the login was cancelled", "")
	}
	return answer.Values, nil
}
