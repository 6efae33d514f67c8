package ppplogin

import (
	"context"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Credentials are what a person gave.
type Credentials struct{ Username, Password string }

// Ask has the user fill in what the login needs; refused says why the last was no good.
// Nothing is asked when a certificate is all that serves.
func (o *Options) Ask(ctx context.Context, s *sdk.Session, refused string) (Credentials, error) {
	if o.ByCertificate() {
		return Credentials{Username: o.username}, nil
	}
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "Log in to " + o.gateway, Error: refused, Form: &prompt.Form{ID: "main", Fields: []prompt.Field{
		{Name: "username", Label: "Username", Default: o.username, Option: "username", MayStore: true},
		{Name: "password", Label: "Password", Kind: prompt.Password, Option: "password", MayStore: true},
	}}})
	if err == nil && answer.Cancelled {
		err = diag.New(diag.Cancelled, "the login was cancelled", "Nothing was sent to the gateway.")
	}
	return Credentials{answer.Values["username"], answer.Values["password"]}, err
}

// newPassword asks for a new password, twice.
func newPassword(ctx context.Context, s *sdk.Session, text string) (string, error) {
	refused := ""
	for {
		answer, err := s.Ask(ctx, prompt.Prompt{Title: "New password", Text: text, Error: refused, Form: &prompt.Form{ID: "new-password", Fields: []prompt.Field{
			{Name: "password", Label: "New password", Kind: prompt.Password},
			{Name: "again", Label: "New password, again", Kind: prompt.Password},
		}}})
		password := answer.Values["password"]
		switch {
		case err != nil:
			return "", err
		case answer.Cancelled:
			return "", diag.New(diag.Cancelled, "the login was cancelled", "The password was not changed.")
		case password == "":
			refused = "It cannot be empty."
		case password != answer.Values["again"]:
			refused = "The two are not the same."
		default:
			return password, nil
		}
	}
}
