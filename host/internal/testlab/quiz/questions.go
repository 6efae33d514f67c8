package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// The browser's login of `sso` and `cookies`.
const (
	loginPage = "https://login.test/quiz"
	finalPage = "https://login.test/done"
	backPort  = 29787
	backPath  = "/quiz/"
)

// expected are the values of answers and what is right when no option says so.
var expected = []struct{ name, answer string }{
	{"username", "alice"}, {"password", "secret1"}, {"group", "staff"}, {"otp", "123456"}, {"second-password", "secret2"},
	{"new-password", "secret3"}, {"again", "secret3"}, {"request-uri", backPath + "done?token=marmalade"}, {"session", "biscuit"}, {"address", "quizcallback:cracker"},
}

// question is a prompt and the values of its answer, each to be as the option
// expect-NAME says.
type question struct {
	prompt prompt.Prompt
	values []string
}

var (
	username = prompt.Field{Name: "username", Label: "Username:", Option: "username"}
	password = prompt.Field{Name: "password", Label: "Password:", Kind: prompt.Password, Option: "password", MayStore: true}
)

// questions are all that a plugin can ask of people, by the name in the option `ask`.
var questions = map[string]question{
	"form":  form(prompt.Prompt{Title: "Login", Text: "Who are you?"}, "main", username, password),
	"retry": form(prompt.Prompt{Title: "Login", Error: "The password was wrong."}, "main", username, password),
	"choice": form(prompt.Prompt{Title: "Group", Text: "Which group?"}, "group",
		prompt.Field{Name: "group", Label: "Group:", Kind: prompt.ChoiceOf, Choices: []prompt.Choice{{Value: "guests", Label: "Visitors"}, {Value: "staff", Label: "Employees"}}}),
	"otp": form(prompt.Prompt{Title: "Code", Text: "What does your token show?"}, "otp", prompt.Field{Name: "otp", Label: "Code:", Kind: prompt.OTP}),
	"second": form(prompt.Prompt{Title: "Login", Text: "Both passwords, please."}, "second", password,
		prompt.Field{Name: "second-password", Label: "Second password:", Kind: prompt.Password, Option: "secondary-password", MayStore: true}),
	"renew": form(prompt.Prompt{Title: "New password", Error: "Your password has expired."}, "renew",
		prompt.Field{Name: "new-password", Label: "New password:", Kind: prompt.Password},
		prompt.Field{Name: "again", Label: "Once more:", Kind: prompt.Password}),
	"confirm": {prompt: prompt.Prompt{Title: "Terms", Text: "This machine is watched.", Confirm: &prompt.Confirm{AcceptLabel: "I agree"}}},
	"sso": {prompt.Prompt{Title: "Single sign-on", Sso: &prompt.Sso{URL: loginPage,
		Loopback: &prompt.Loopback{Port: backPort, PathPrefix: backPath}}}, []string{"request_uri"}},
	"cookies": {prompt.Prompt{Title: "Single sign-on", Sso: &prompt.Sso{URL: loginPage,
		Cookies: &prompt.Cookies{FinalURL: finalPage, Cookie: "session"}}}, []string{"session"}},
	"scheme": {prompt.Prompt{Title: "Single sign-on", Sso: &prompt.Sso{URL: loginPage, Scheme: "quizcallback"}}, []string{"address"}},
	"page":   {prompt.Prompt{Title: "Single sign-on", Sso: &prompt.Sso{HTML: "<p>Log in here", Scheme: "quizcallback"}}, []string{"address"}},
	"wait":   {prompt: prompt.Prompt{Title: "Approval", Text: "Approve the login on your phone.", Wait: &prompt.Wait{}}},
}

func form(p prompt.Prompt, id string, fields ...prompt.Field) question {
	q := question{prompt: p}
	q.prompt.Form = &prompt.Form{ID: id, Fields: fields}
	for _, f := range fields {
		q.values = append(q.values, f.Name)
	}
	return q
}

// waiting is how long the phone takes.
const waiting = 50 * time.Millisecond

// ask says whether the answer was right.
func (q question) ask(ctx context.Context, s *sdk.Session) (bool, error) {
	asking := ctx
	if q.prompt.Wait != nil {
		var cancel context.CancelFunc
		asking, cancel = context.WithTimeout(ctx, waiting)
		defer cancel()
	}
	answer, err := s.Ask(asking, q.prompt)
	switch {
	case q.prompt.Wait != nil && errors.Is(err, context.DeadlineExceeded):
		return true, nil
	case err != nil:
		return false, err
	case answer.Cancelled:
		return false, diag.New(diag.Cancelled, "the quiz was cancelled", "Nothing was compared.")
	}
	options := s.Options()
	for _, name := range q.values {
		if answer.Values[name] != options["expect-"+strings.ReplaceAll(name, "_", "-")] {
			return false, nil
		}
	}
	return true, nil
}
