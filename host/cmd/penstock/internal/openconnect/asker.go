package openconnect

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/term"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// asker answers a login's questions as OpenConnect does: what the command line gives is
// given once, then scripted answers, then a line of standard input.
type asker struct {
	r      *Request
	out    *progress
	token  *token // nil: none
	stored map[string]secret.String
	next   ui.Prompter // for what is no form

	up       atomic.Bool // the tunnel has stood: nobody is there to log in again
	mu       sync.Mutex
	user     string
	password *string
}

func newAsker(r *Request, out *progress, t *token, stored map[string]secret.String, next ui.Prompter) *asker {
	return &asker{r: r, out: out, token: t, stored: stored, next: next, user: r.user, password: r.password}
}

// Ask implements ui.Prompter.
func (a *asker) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	if p.Form == nil {
		return a.next.Ask(ctx, p)
	}
	if a.up.Load() {
		return prompt.Answer{}, diag.New(diag.AuthRefused, "Cookie was rejected by server", "")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if p.Text != "" {
		a.out.prompt(ui.Clean(p.Text) + "\n")
	}
	if p.Error != "" {
		a.out.say(levelError, "%s", ui.Line(p.Error))
	}
	values := map[string]string{}
	for _, f := range p.Form.Fields {
		value, err := a.field(ctx, p.Form.ID, f)
		if err != nil {
			return prompt.Answer{}, err
		}
		values[f.Name] = value
	}
	return prompt.Answer{Values: values}, nil
}

func (a *asker) field(ctx context.Context, form string, f prompt.Field) (string, error) {
	if kept := a.stored[f.Option]; !kept.Empty() {
		delete(a.stored, f.Option) // a second one is another's
		return kept.Reveal(), nil
	}
	switch f.Kind {
	case prompt.ChoiceOf:
		return a.choice(ctx, form, f)
	case prompt.Password, prompt.OTP:
		return a.hidden(ctx, form, f)
	}
	if a.user != "" && (f.Option == "username" || strings.HasPrefix(f.Name, "user")) {
		name := a.user
		a.user = ""
		return name, nil
	}
	if value, ok := a.scripted(form, f); ok {
		return value, nil
	}
	return a.read(ctx, label(f), false)
}

func (a *asker) hidden(ctx context.Context, form string, f prompt.Field) (string, error) {
	if a.r.noPasswd && f.Option != "key-password" {
		return "", diag.New(diag.AuthRefused, "Asked for password but '--no-passwd' set", "")
	}
	if a.token != nil && wantsCode(a.r.protocol, form, f) {
		code, err := a.token.next()
		if code != "" || err != nil {
			a.out.say(levelInfo, "Generating OATH %s token code", strings.ToUpper(a.r.tokenMode))
			return code, err
		}
		a.out.say(levelInfo, "Server is rejecting the soft token; switching to manual entry")
	}
	if a.password != nil && f.Option != "key-password" {
		password := *a.password
		a.password = nil
		return password, nil
	}
	if value, ok := a.scripted(form, f); ok {
		return value, nil
	}
	return a.read(ctx, label(f), true)
}

// wantsCode says which fields a token answers: those that OpenConnect takes for them, and
// those that a plugin says are for codes.
func wantsCode(protocol, form string, f prompt.Field) bool {
	if protocol == "gp" {
		return f.Kind == prompt.OTP || form == "login" && f.Option == "password" && f.Label != "Password"
	}
	return f.Kind == prompt.OTP || f.Name == "secondary_password" || form == "challenge"
}

// formNames are OpenConnect's for forms and fields of GlobalProtect, which have none of
// their own there.
var formNames = map[[2]string][2]string{
	{"login", "username"}: {"_login", "user"}, {"login", "password"}: {"_login", "passwd"}, {"challenge", "otp"}: {"_challenge", "passwd"},
}

func (a *asker) scripted(form string, f prompt.Field) (string, bool) {
	other := formNames[[2]string{form, f.Name}]
	for i := len(a.r.entries) - 1; i >= 0; i-- { // the last one counts
		e := a.r.entries[i]
		if e.form == form && e.field == f.Name || e.form == other[0] && e.field == other[1] && other[0] != "" {
			return e.value, true
		}
	}
	return "", false
}

// choice takes a label, or how it begins if that is one alone.
func (a *asker) choice(ctx context.Context, form string, f prompt.Field) (string, error) {
	wanted, given := a.scripted(form, f)
	if a.r.group != "" && f.Option == "authgroup" {
		wanted, given = a.r.group, true
	}
	if given {
		if value, err := chosen(f, wanted); err == nil {
			return value, nil
		} else {
			a.out.say(levelError, "%s", err)
		}
	}
	if len(f.Choices) == 1 {
		return f.Choices[0].Value, nil
	}
	var labels []string
	for _, c := range f.Choices {
		labels = append(labels, ui.Line(choiceLabel(c)))
	}
	for {
		line, err := a.read(ctx, label(f)+" ["+strings.Join(labels, "|")+"]:", false)
		if err != nil {
			return "", err
		}
		value, err := chosen(f, line)
		if err == nil {
			return value, nil
		}
		a.out.say(levelError, "%s", err)
	}
}

func choiceLabel(c prompt.Choice) string {
	if c.Label != "" {
		return c.Label
	}
	return c.Value
}

func chosen(f prompt.Field, text string) (string, error) {
	var found []string
	for _, c := range f.Choices {
		name := choiceLabel(c)
		switch {
		case strings.EqualFold(name, text) || c.Value == text:
			return c.Value, nil
		case text != "" && len(name) > len(text) && strings.EqualFold(name[:len(text)], text):
			found = append(found, c.Value)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return "", failed("Auth choice \"%s\" not available", text)
	}
	return "", failed("Auth choice \"%s\" matches multiple options", text)
}

// label is the gateway's, which ends with a colon as gateways write it.
func label(f prompt.Field) string { return strings.TrimRight(ui.Line(f.Label), ": ") + ":" }

// read asks who is at standard input; hidden is without echo.
func (a *asker) read(ctx context.Context, question string, hidden bool) (string, error) {
	a.out.question(question)
	if a.r.nonInter && !a.r.stdinAllowed {
		return "", a.nobody()
	}
	line, ok, err := a.r.stdin.ask(ctx, hidden, a.out.err)
	if err == nil && !ok {
		err = a.nobody()
	}
	return line, err
}

func (a *asker) nobody() error {
	a.out.question("***\n")
	return diag.New(diag.AuthRefused, "User input required in non-interactive mode", "")
}

// ask reads a line until ctx ends. The terminal is left as it was.
func (in *input) ask(ctx context.Context, hidden bool, out io.Writer) (string, bool, error) {
	fd := int(in.file.Fd())
	type line struct {
		text string
		ok   bool
	}
	read := make(chan line, 1)
	before, err := term.GetState(fd)
	quiet := hidden && err == nil
	go func() {
		if quiet {
			text, err := term.ReadPassword(fd)
			_, _ = fmt.Fprintln(out)
			read <- line{string(text), err == nil}
			return
		}
		text, ok := in.line()
		read <- line{text, ok}
	}()
	select {
	case l := <-read:
		return l.text, l.ok, nil
	case <-ctx.Done():
		if quiet {
			_ = term.Restore(fd, before)
		}
		return "", false, context.Cause(ctx)
	}
}
