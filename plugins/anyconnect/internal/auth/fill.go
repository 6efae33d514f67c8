package auth

import (
	"context"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// rounds remembers the forms answered so far, to tell a refusal from a next step.
type rounds struct {
	asked    string // the names asked for last
	message  string // and the message then
	failures int
	used     map[string]bool   // scripted answers, "form:field"
	passed   map[string]bool   // password fields that were answered and not refused
	reason   string            // the last refusal
	texts    map[string]string // answers that are no secrets, by field
	replay   bool              // give them again without asking
	pending  string            // refusal to show with the next question
}

// startOver forgets what a login that begins again will ask anew.
func (r *rounds) startOver(refusal string) {
	r.asked, r.message, r.passed = "", "", nil
	r.replay, r.pending = true, refusal
}

// refusalWords tell a refused answer from a next question in gateways that say both
// with a message.
var refusalWords = []string{"fail", "invalid", "incorrect", "denied", "wrong", "reject", "not accepted", "expired"}

// fill answers every field of the form: from scripts, from the browser, by asking.
func (l *login) fill(ctx context.Context, f *form, refusal string) error {
	if token := f.ssoInput(); token != nil && f.sso.login != "" {
		value, err := l.browse(ctx, f)
		if err != nil {
			return err
		}
		token.value = value
	}
	fields := l.questions(f, refusal)
	if len(fields) == 0 {
		return nil
	}
	values, err := l.ask(ctx, prompt.Prompt{
		Title: f.title, Text: f.message, Error: or(refusal, l.pending),
		Form: &prompt.Form{ID: f.id, Fields: fields},
	})
	if err != nil {
		return err
	}
	l.pending, l.replay = "", false
	empty := true
	for _, field := range fields {
		f.input(field.Name).value = values[field.Name]
		empty = empty && values[field.Name] == ""
	}
	l.remember(f, fields)
	if empty {
		return l.count("nothing was entered")
	}
	return nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (f *form) ssoInput() *input {
	for i := range f.inputs {
		if f.inputs[i].kind == ssoInput {
			return &f.inputs[i]
		}
	}
	return nil
}

// refusal is why the last answer was refused, or "" when this form is a first or a
// further question.
func (l *login) refusal(d *document) string {
	if d.errorText != "" {
		return d.errorText
	}
	names := d.form.names()
	if l.asked == "" || names != l.asked {
		return ""
	}
	message := d.form.message
	for _, word := range refusalWords {
		if strings.Contains(strings.ToLower(message), word) {
			return firstLine(message)
		}
	}
	if message == l.message {
		return "The gateway did not accept the answer."
	}
	return ""
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// names are the fields that a person answers.
func (f *form) names() string {
	var names []string
	for _, in := range f.inputs {
		if !in.ignored && (in.kind == textInput || in.kind == passwordInput) {
			names = append(names, in.name)
		}
	}
	return strings.Join(names, " ")
}

// count ends the login after too many refusals.
func (l *login) count(reason string) error {
	if reason == "" {
		return nil
	}
	l.reason = reason
	if l.failures++; l.failures < maxFailures {
		return nil
	}
	return l.loginRefused()
}

func (l *login) loginRefused() error {
	return diag.New(diag.AuthRefused, "the gateway refused the login: "+l.reason, "Check user name, password and group.")
}

// remember notes what was asked, for the comparison with the next form.
func (l *login) remember(f *form, fields []prompt.Field) {
	l.asked, l.message = f.names(), f.message
	if l.passed == nil {
		l.passed = map[string]bool{}
	}
	if l.texts == nil {
		l.texts = map[string]string{}
	}
	for _, field := range fields {
		switch field.Kind {
		case prompt.Password:
			l.passed[field.Name] = true
		case prompt.Text:
			l.texts[field.Name] = f.input(field.Name).value
		}
	}
}

// questions are the fields that nothing else answers.
func (l *login) questions(f *form, refusal string) []prompt.Field {
	var fields []prompt.Field
	for i := range f.inputs {
		in := &f.inputs[i]
		if in.ignored || in.kind == hiddenInput || in.kind == ssoInput || in.name == groupList {
			if value, ok := l.entry(f.id, in.name); ok && in.kind == hiddenInput {
				in.value = value
			}
			continue
		}
		if value, ok := l.entry(f.id, in.name); ok {
			in.value = value
			continue
		}
		if value, ok := l.texts[in.name]; ok && l.replay && in.kind == textInput {
			in.value = value
			continue
		}
		fields = append(fields, l.question(f, in, refusal))
	}
	return fields
}

// fieldOptions are the options that answer well-known fields.
var fieldOptions = map[string]string{
	"username": "username", "password": "password",
	"secondary_username": "secondary-username", "secondary_password": "secondary-password",
}

func (l *login) question(f *form, in *input, refusal string) prompt.Field {
	field := prompt.Field{Name: in.name, Label: strings.TrimSuffix(strings.TrimSpace(in.label), ":"), Default: in.value, Option: fieldOptions[in.name]}
	if field.Label == "" {
		field.Label = in.name
	}
	switch in.kind {
	case selectInput:
		field.Kind = prompt.ChoiceOf
		for _, c := range in.choices {
			field.Choices = append(field.Choices, prompt.Choice{Value: c.value, Label: c.label})
			if c.selected || field.Default == "" {
				field.Default = c.value
			}
		}
	case passwordInput:
		field.Kind = prompt.Password
		if l.isCode(f, in, refusal) {
			field.Kind, field.Option = prompt.OTP, ""
		}
	}
	field.MayStore = field.Option != "" && field.Kind != prompt.OTP
	return field
}

// isCode says whether a password field wants something that is good only once: the
// answer to a challenge, or another password after one was accepted.
func (l *login) isCode(f *form, in *input, refusal string) bool {
	if f.id == "challenge" || in.name == "answer" {
		return true
	}
	return in.name == "password" && refusal == "" && l.passed[in.name]
}

// ask asks the user. A cancelled answer after a refusal is the refusal.
func (l *login) ask(ctx context.Context, p prompt.Prompt) (map[string]string, error) {
	if p.Title == "" {
		p.Title = "Log in to " + l.base.Hostname()
	}
	answer, err := l.cfg.User.Ask(ctx, p)
	switch {
	case err != nil:
		return nil, err
	case answer.Cancelled && p.Error != "": // l.reason says why
		return nil, l.loginRefused()
	case answer.Cancelled:
		return nil, diag.New(diag.Cancelled, "the login was cancelled", "")
	}
	return answer.Values, nil
}
