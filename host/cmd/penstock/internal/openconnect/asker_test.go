package openconnect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

func ask(t *testing.T, stdin string, stored map[string]secret.String, args ...string) (*asker, *bytes.Buffer) {
	t.Helper()
	r, err := request(t, stdin, append(args, "host")...)
	if err != nil {
		t.Fatal(err)
	}
	var tok *token
	if r.tokenMode != "" {
		if tok, err = newToken(r.tokenMode, r.tokenSecret); err != nil {
			t.Fatal(err)
		}
		tok.now = func() time.Time { return time.Unix(59, 0) }
	}
	said := &bytes.Buffer{}
	out := &progress{out: io.Discard, err: said, verbosity: r.verbosity, now: time.Now}
	return newAsker(r, out, tok, stored, ui.Nobody{}), said
}

func login(fields ...prompt.Field) prompt.Prompt {
	return prompt.Prompt{Title: "Log in", Text: "Please enter your username.", Form: &prompt.Form{ID: "main", Fields: fields}}
}

var (
	userField     = prompt.Field{Name: "username", Label: "Username:", Option: "username"}
	passwordField = prompt.Field{Name: "password", Label: "Password", Kind: prompt.Password, Option: "password"}
	secondField   = prompt.Field{Name: "secondary_password", Label: "Code", Kind: prompt.Password, Option: "secondary-password"}
	groupField    = prompt.Field{Name: "group_list", Label: "GROUP", Kind: prompt.ChoiceOf, Option: "authgroup", Choices: []prompt.Choice{
		{Value: "staff", Label: "Staff network"}, {Value: "guests", Label: "Guests"}, {Value: "g2", Label: "Guests too"}}}
)

// answers are the values in the fields' order.
func answers(t *testing.T, a *asker, p prompt.Prompt) string {
	t.Helper()
	answer, err := a.Ask(t.Context(), p)
	if err != nil {
		return "error: " + diag.Of(err).Summary
	}
	var all []string
	for _, f := range p.Form.Fields {
		all = append(all, answer.Values[f.Name])
	}
	return strings.Join(all, " ")
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		args, stdin string
		fields      []prompt.Field
		want, said  string
	}{
		"all given":     {"-u alice --passwd-on-stdin", "pw\n", []prompt.Field{userField, passwordField}, "alice pw", "Please enter your username.\n"},
		"quiet":         {"-q -u alice --passwd-on-stdin", "pw\n", []prompt.Field{userField, passwordField}, "alice pw", ""},
		"asked":         {"", "bob\npw\n", []prompt.Field{userField, passwordField}, "bob pw", "Please enter your username.\nUsername:Password:"},
		"second":        {"-u alice --passwd-on-stdin", "pw\ncode\n", []prompt.Field{passwordField, secondField}, "pw code", "Please enter your username.\nCode:"},
		"scripted":      {"-F main:username=carol -F main:password=x", "", []prompt.Field{userField, passwordField}, "carol x", "Please enter your username.\n"},
		"last scripted": {"-F main:username=carol -F main:username=dan -F other:username=x", "", []prompt.Field{userField}, "dan", "Please enter your username.\n"},
		"token":         {"-u alice --passwd-on-stdin --token-mode=totp --token-secret=" + rfcKey, "pw\n", []prompt.Field{passwordField, secondField}, "pw 287082", "Please enter your username.\n"},
		"group":         {"--authgroup staff", "", []prompt.Field{groupField}, "staff", "Please enter your username.\n"},
		"group's label": {"--authgroup guests", "", []prompt.Field{groupField}, "guests", "Please enter your username.\n"},
		"group asked": {"--authgroup nobody", "x\ngu\nguests to\n", []prompt.Field{groupField}, "g2", "Please enter your username.\nAuth choice \"nobody\" not available\n" +
			"GROUP: [Staff network|Guests|Guests too]:Auth choice \"x\" not available\nGROUP: [Staff network|Guests|Guests too]:Auth choice \"gu\" matches multiple options\nGROUP: [Staff network|Guests|Guests too]:"},
		"nobody":        {"--non-inter -u alice", "pw\n", []prompt.Field{userField, passwordField}, "error: User input required in non-interactive mode", "Please enter your username.\nPassword:***\n"},
		"stdin allowed": {"--non-inter --passwd-on-stdin", "pw\nalice\n", []prompt.Field{userField, passwordField}, "alice pw", "Please enter your username.\nUsername:"},
		"end of input":  {"-u alice", "", []prompt.Field{passwordField}, "error: User input required in non-interactive mode", "Please enter your username.\nPassword:***\n"},
		"no passwords":  {"--no-passwd -u alice", "pw\n", []prompt.Field{userField, passwordField}, "error: Asked for password but '--no-passwd' set", "Please enter your username.\n"},
	} {
		t.Run(name, func(t *testing.T) {
			a, said := ask(t, c.stdin, nil, strings.Fields(c.args)...)
			if got := answers(t, a, login(c.fields...)); got != c.want || said.String() != c.said {
				t.Errorf("%q, said %q", got, said)
			}
		})
	}
}

// What was refused is asked for: nothing is given twice.
func TestRefusedAnswers(t *testing.T) {
	a, said := ask(t, "pw\nother\n", nil, "-u", "alice", "--passwd-on-stdin")
	p := login(passwordField)
	if got := answers(t, a, p); got != "pw" {
		t.Error(got)
	}
	p.Error = "Login failed."
	if got := answers(t, a, p); got != "other" || !strings.Contains(said.String(), "Login failed.\n") {
		t.Errorf("%q %q", got, said)
	}
	if got := answers(t, a, p); !strings.HasPrefix(got, "error: ") {
		t.Error(got)
	}
}

// A cookie and a passphrase answer what the plugin and the host ask for.
func TestStoredAnswers(t *testing.T) {
	a, _ := ask(t, "", map[string]secret.String{"cookie": secret.New("abc"), "key-password": secret.New("pin")}, "--no-passwd")
	p := login(prompt.Field{Name: "cookie", Kind: prompt.Password, Option: "cookie"}, prompt.Field{Name: "key-password", Kind: prompt.Password, Option: "key-password"})
	if got := answers(t, a, p); got != "abc pin" {
		t.Error(got)
	}
}

// OpenConnect's names of GlobalProtect's forms, which are ours of the plugin's.
func TestGlobalProtectAnswers(t *testing.T) {
	a, _ := ask(t, "", nil, "--protocol=gp", "-F", "_login:user=alice", "-F", "_login:passwd=pw", "-F", "_challenge:passwd=42")
	p := login(prompt.Field{Name: "username", Option: "username"}, prompt.Field{Name: "password", Label: "Password", Kind: prompt.Password, Option: "password"})
	p.Form.ID = "login"
	if got := answers(t, a, p); got != "alice pw" {
		t.Error(got)
	}
	p = login(prompt.Field{Name: "otp", Kind: prompt.OTP})
	p.Form.ID = "challenge"
	if got := answers(t, a, p); got != "42" {
		t.Error(got)
	}
}

// Once the tunnel has stood nobody is asked to log in again.
func TestNobodyLogsInAgain(t *testing.T) {
	a, _ := ask(t, "x\n", nil)
	a.up.Store(true)
	if _, err := a.Ask(t.Context(), login(userField)); diag.Of(err).Code != diag.AuthRefused {
		t.Error(err)
	}
	if _, err := a.Ask(t.Context(), prompt.Prompt{Confirm: &prompt.Confirm{}}); err == nil {
		t.Error("somebody confirmed")
	}
}

func TestAskingEnds(t *testing.T) {
	in, out := pipe(t)
	defer out.Close() //nolint:errcheck // a pipe
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if _, _, err := (&input{file: in}).ask(ctx, false, io.Discard); !errors.Is(err, enough) {
		t.Error(err)
	}
}
