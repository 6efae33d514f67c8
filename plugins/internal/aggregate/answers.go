package aggregate

import (
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// maxFailures is how many refused or empty answers end a login.
const maxFailures = 3

// Answers has forms filled in: by what the user has set, and by asking people. It
// remembers the forms so far, to tell a refusal from a next step. For each form:
//
//	ChooseGroup ─┬─> TakeGroup ─┬─> Refusal ─> Questions ─> Take
//	             └──────────────┘
type Answers struct {
	Host    string  // who asks, where the form has no title
	Group   string  // value or label of the group; "": the gateway's, or ask
	Entries []Entry // scripted answers
	// FixedGroup says that a choice of a group does not make the login begin again.
	FixedGroup bool

	chosen  string // the group as the gateway knows it; "": not chosen yet
	settled bool   // chosen, not to be asked for again

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

// StartOver forgets what a login that begins again will ask anew.
func (a *Answers) StartOver(refusal string) {
	a.asked, a.message, a.passed = "", "", nil
	a.replay, a.pending = true, refusal
}

// refusalWords tell a refused answer from a next question in gateways that say both
// with a message.
var refusalWords = []string{"fail", "invalid", "incorrect", "denied", "wrong", "reject", "not accepted", "expired"}

// Refusal is why the last answer was refused, or "" when this form is a first or a
// further question. One refusal too many is an error.
func (a *Answers) Refusal(d *Document) (string, error) {
	reason := a.refusal(d)
	return reason, a.count(reason)
}

func (a *Answers) refusal(d *Document) string {
	if d.ErrorText != "" {
		return d.ErrorText
	}
	names := d.Form.names()
	if a.asked == "" || names != a.asked {
		return ""
	}
	message := d.Form.Message
	for _, word := range refusalWords {
		if strings.Contains(strings.ToLower(message), word) {
			return firstLine(message)
		}
	}
	if message == a.message {
		return "The gateway did not accept the answer."
	}
	return ""
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// count ends the login after too many refusals.
func (a *Answers) count(reason string) error {
	if reason == "" {
		return nil
	}
	a.reason = reason
	if a.failures++; a.failures < maxFailures {
		return nil
	}
	return a.refused()
}

// Reason is the last refusal; nil: there was none.
func (a *Answers) Reason() error {
	if a.reason == "" {
		return nil
	}
	return a.refused()
}

func (a *Answers) refused() error {
	return diag.New(diag.AuthRefused, "the gateway refused the login: "+a.reason, "Check user name, password and group.")
}

// Questions is what to ask people for a form; nil: nothing.
func (a *Answers) Questions(f *Form, refusal string) *prompt.Prompt {
	fields := a.open(f, refusal)
	if len(fields) == 0 {
		return nil
	}
	if refusal == "" {
		refusal = a.pending
	}
	p := a.Ask(f)
	p.Error, p.Form = refusal, &prompt.Form{ID: f.ID, Fields: fields}
	return &p
}

// Ask is a question about a form, but for what it asks.
func (a *Answers) Ask(f *Form) prompt.Prompt {
	title := f.Title
	if title == "" {
		title = "Log in to " + a.Host
	}
	return prompt.Prompt{Title: title, Text: f.Message}
}

// Take fills the answer to Questions into the form.
func (a *Answers) Take(f *Form, p *prompt.Prompt, answer prompt.Answer) error {
	values, err := a.Values(p, answer)
	if err != nil {
		return err
	}
	a.pending, a.replay = "", false
	empty := true
	for _, field := range p.Form.Fields {
		f.Input(field.Name).Value = values[field.Name]
		empty = empty && values[field.Name] == ""
	}
	a.remember(f, p.Form.Fields)
	if empty {
		return a.count("nothing was entered")
	}
	return nil
}

// Values are those of an answer. One that was cancelled after a refusal is the refusal.
func (a *Answers) Values(p *prompt.Prompt, answer prompt.Answer) (map[string]string, error) {
	switch {
	case answer.Cancelled && p.Error != "": // a.reason says why
		return nil, a.refused()
	case answer.Cancelled:
		return nil, diag.New(diag.Cancelled, "the login was cancelled", "")
	}
	return answer.Values, nil
}

// remember notes what was asked, for the comparison with the next form.
func (a *Answers) remember(f *Form, fields []prompt.Field) {
	a.asked, a.message = f.names(), f.Message
	if a.passed == nil {
		a.passed = map[string]bool{}
	}
	if a.texts == nil {
		a.texts = map[string]string{}
	}
	for _, field := range fields {
		switch field.Kind {
		case prompt.Password:
			a.passed[field.Name] = true
		case prompt.Text:
			a.texts[field.Name] = f.Input(field.Name).Value
		}
	}
}

// open are the fields that nothing else answers.
func (a *Answers) open(f *Form, refusal string) []prompt.Field {
	var fields []prompt.Field
	for i := range f.Inputs {
		in := &f.Inputs[i]
		if in.ignored || in.Kind == HiddenInput || in.Kind == SSOInput || in.Name == groupList {
			if value, ok := a.entry(f.ID, in.Name); ok && in.Kind == HiddenInput {
				in.Value = value
			}
			continue
		}
		if value, ok := a.entry(f.ID, in.Name); ok {
			in.Value = value
			continue
		}
		if value, ok := a.texts[in.Name]; ok && a.replay && in.Kind == TextInput {
			in.Value = value
			continue
		}
		fields = append(fields, a.question(f, in, refusal))
	}
	return fields
}

// fieldOptions are the options that answer well-known fields.
var fieldOptions = map[string]string{
	"username": "username", "password": "password",
	"secondary_username": "secondary-username", "secondary_password": "secondary-password",
}

func (a *Answers) question(f *Form, in *Input, refusal string) prompt.Field {
	field := prompt.Field{Name: in.Name, Label: strings.TrimSuffix(strings.TrimSpace(in.Label), ":"), Default: in.Value, Option: fieldOptions[in.Name]}
	if field.Label == "" {
		field.Label = in.Name
	}
	switch in.Kind {
	case SelectInput:
		field.Kind = prompt.ChoiceOf
		for _, c := range in.Choices {
			field.Choices = append(field.Choices, prompt.Choice{Value: c.Value, Label: c.Label})
			if c.Selected || field.Default == "" {
				field.Default = c.Value
			}
		}
	case PasswordInput:
		field.Kind = prompt.Password
		if a.isCode(f, in, refusal) {
			field.Kind, field.Option = prompt.OTP, ""
		}
	}
	field.MayStore = field.Option != "" && field.Kind != prompt.OTP
	return field
}

// isCode says whether a password field wants something that is good only once: the
// answer to a challenge, or another password after one was accepted.
func (a *Answers) isCode(f *Form, in *Input, refusal string) bool {
	if f.ID == "challenge" || in.Name == "answer" {
		return true
	}
	return in.Name == "password" && refusal == "" && a.passed[in.Name]
}
