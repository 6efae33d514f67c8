// Package ask carries a question from the service to the auth dialog and the answer
// back, by what NetworkManager and its agents hand on: hints and VPN secrets.
//
//	service              NetworkManager, agent           auth dialog
//	SecretsRequired  ->  GetSecrets(hints)           ->  -t key -t x-penstock-question:...
//	                     x-vpn-message:TEXT          ->  -t x-vpn-message:TEXT
//	NewSecrets       <-  vpn.secrets                 <-  key=value
//
// Every hint without a colon is the name of a secret, so agents that know nothing of
// the dialog ask for it by that name. NetworkManager keeps or drops a secret by its
// flags in vpn.data: a key that is to be asked each time needs `KEY-flags=2` there.
package ask

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Prefixes of the hints that are not names of secrets.
const (
	questionPrefix = "x-penstock-question:"
	messagePrefix  = "x-vpn-message:" // NetworkManager's
)

// The names of secrets that answer what no option answers.
const (
	KeyOTP     = "otp"
	KeyConfirm = "confirm" // Yes, or anything else for no
	KeySso     = "sso"     // Opened, Cancelled, the address that the browser ended at, or a cookie's value
)

// Yes confirms.
const Yes = "yes"

// Cancelled is the answer of a user who closed the login's window.
const Cancelled = "cancelled"

// Opened says that the browser shows the page and the service may wait for its call.
const Opened = "opened"

// maxQuestion bounds the encoded question, in bytes; one argument of a program holds
// no more than 128 KiB.
const maxQuestion = 96 << 10

// Question is a prompt.Prompt as the dialog draws it. Exactly one of Fields, Confirm
// and Sso is set.
type Question struct {
	Title   string   `json:"title,omitempty"`
	Text    string   `json:"text,omitempty"`
	Error   string   `json:"error,omitempty"`
	Fields  []Field  `json:"fields,omitempty"`
	Confirm *Confirm `json:"confirm,omitempty"`
	Sso     *Sso     `json:"sso,omitempty"`
}

// Field is one value asked for.
type Field struct {
	Key     string   `json:"key"` // name of the secret
	Label   string   `json:"label,omitempty"`
	Secret  bool     `json:"secret,omitempty"`
	Default string   `json:"default,omitempty"` // never of a secret
	Choices []Choice `json:"choices,omitempty"`
}

// Choice is one possible value; the answer may be the value or the label.
type Choice struct {
	Value string `json:"value"`
	Label string `json:"label,omitempty"`
}

// Confirm asks yes or no, under KeyConfirm.
type Confirm struct {
	Accept string `json:"accept,omitempty"` // what yes means
	Key    string `json:"key,omitempty"`    // in place of KeyConfirm
}

// Sso sends the user to a web page; the answer is under KeySso.
type Sso struct {
	URL string `json:"url"`
	Key string `json:"key,omitempty"` // in place of KeySso
	// Loopback says that the service itself waits for the browser's call on this
	// machine: the dialog answers Opened as soon as the browser is on its way.
	Loopback bool `json:"loopback,omitempty"`
	// Cookie and FinalURL: the answer is the value that Cookie has at FinalURL.
	Cookie      string `json:"cookie,omitempty"`
	FinalURL    string `json:"final_url,omitempty"`
	ErrorCookie string `json:"error_cookie,omitempty"`
	// Scheme: the answer is the address of this scheme that the browser ends at.
	Scheme string `json:"scheme,omitempty"`
}

// Of makes the question of a Form, Confirm or Sso.
func Of(p prompt.Prompt) (Question, error) {
	q := Question{Title: p.Title, Text: p.Text, Error: p.Error}
	switch {
	case p.Form != nil && len(p.Form.Fields) > 0:
		names := keys(p.Form.Fields)
		for i, f := range p.Form.Fields {
			q.Fields = append(q.Fields, field(names[i], f))
		}
	case p.Confirm != nil:
		q.Confirm = &Confirm{Accept: p.Confirm.AcceptLabel}
	case p.Sso != nil && p.Sso.Cookies != nil:
		c := p.Sso.Cookies
		q.Sso = &Sso{URL: p.Sso.URL, Cookie: c.Cookie, FinalURL: c.FinalURL, ErrorCookie: c.ErrorCookie}
	case p.Sso != nil:
		q.Sso = &Sso{URL: p.Sso.URL, Loopback: p.Sso.Loopback != nil, Scheme: p.Sso.Scheme}
	default:
		return q, errors.New("nothing that a person could answer")
	}
	return q, nil
}

func field(key string, f prompt.Field) Field {
	out := Field{Key: key, Label: f.Label, Secret: f.Kind == prompt.Password || f.Kind == prompt.OTP}
	if !out.Secret {
		out.Default = f.Default
	}
	for _, c := range f.Choices {
		out.Choices = append(out.Choices, Choice(c))
	}
	return out
}

// keys names the secrets that answer fields, each once: the option's key, "otp", or
// the field's own name.
func keys(fields []prompt.Field) []string {
	var all []string
	used := map[string]bool{}
	for _, f := range fields {
		key := plain(f.Name)
		switch {
		case f.Option != "":
			key = plain(f.Option)
		case f.Kind == prompt.OTP:
			key = KeyOTP
		}
		base := key
		for n := 2; used[key]; n++ {
			key = base + "-" + strconv.Itoa(n)
		}
		used[key] = true
		all = append(all, key)
	}
	return all
}

// plain makes a name that NetworkManager's files, passwd-files and hints can hold.
func plain(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '-'
	}, name)
	if name = strings.Trim(name[:min(len(name), 48)], "-"); name == "" {
		return "answer"
	}
	return name
}

// Keys are the names of the secrets that answer q.
func (q Question) Keys() []string {
	switch {
	case q.Confirm != nil:
		return []string{cmp.Or(q.Confirm.Key, KeyConfirm)}
	case q.Sso != nil:
		return []string{cmp.Or(q.Sso.Key, KeySso)}
	}
	var all []string
	for _, f := range q.Fields {
		all = append(all, f.Key)
	}
	return all
}

// Rename gives the secrets that answer q other names.
func (q *Question) Rename(to func(key string, secret bool) string) {
	switch {
	case q.Confirm != nil:
		q.Confirm.Key = to(KeyConfirm, true)
	case q.Sso != nil:
		q.Sso.Key = to(KeySso, true)
	}
	for i, f := range q.Fields {
		q.Fields[i].Key = to(f.Key, f.Secret)
	}
}

// Hints are what SecretsRequired carries: q.Keys() and the question itself.
func (q Question) Hints() ([]string, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	data, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	encoded := base64.RawURLEncoding.EncodeToString(data)
	if len(encoded) > maxQuestion {
		return nil, fmt.Errorf("a question of %d bytes is too large for a dialog", len(data))
	}
	return append(q.Keys(), questionPrefix+encoded), nil
}

// Message is q for agents that show one text: the refusal, then what the gateway says.
// It is safe to print and as an argument of a program.
func (q Question) Message() string {
	text := strings.TrimSpace(ui.Clean(q.Error) + "\n" + ui.Clean(q.Text))
	if text == "" {
		text = ui.Line(q.Title)
	}
	return text
}

// Missing are the keys of q for which nothing came back, not even an empty answer,
// and which have no default.
func (q Question) Missing(secrets map[string]string) []string {
	var missing []string
	for _, key := range q.Keys() {
		if _, ok := secrets[key]; !ok && !q.hasDefault(key) {
			missing = append(missing, key)
		}
	}
	return missing
}

func (q Question) hasDefault(key string) bool {
	return slices.ContainsFunc(q.Fields, func(f Field) bool { return f.Key == key && f.Default != "" })
}

// Answer makes the prompt's answer of the secrets that came back for it. The values
// of a Form are by the fields' names; a choice is the value of what was typed, be it
// value or label.
func Answer(p prompt.Prompt, secrets map[string]string) prompt.Answer {
	switch {
	case p.Form != nil:
		values := map[string]string{}
		for i, key := range keys(p.Form.Fields) {
			values[p.Form.Fields[i].Name] = chosen(p.Form.Fields[i], secrets[key])
		}
		return prompt.Answer{Values: values}
	case p.Confirm != nil:
		return prompt.Answer{Cancelled: !strings.EqualFold(strings.TrimSpace(secrets[KeyConfirm]), Yes)}
	case p.Sso != nil && secrets[KeySso] == Cancelled:
		return prompt.Answer{Cancelled: true}
	case p.Sso != nil && p.Sso.Cookies != nil:
		return prompt.Answer{Values: map[string]string{p.Sso.Cookies.Cookie: secrets[KeySso]}}
	case p.Sso != nil && p.Sso.Scheme != "":
		return prompt.Answer{Values: map[string]string{ui.SchemeAnswer: secrets[KeySso]}}
	}
	return prompt.Answer{Values: map[string]string{"request_uri": secrets[KeySso]}}
}

// chosen prefers what is exactly a value, then a label, then either in any case.
func chosen(f prompt.Field, typed string) string {
	if typed == "" {
		typed = f.Default
	}
	word := strings.TrimSpace(typed)
	for _, means := range []func(prompt.Choice) bool{
		func(c prompt.Choice) bool { return c.Value == word },
		func(c prompt.Choice) bool { return c.Label == word },
		func(c prompt.Choice) bool {
			return strings.EqualFold(c.Value, word) || strings.EqualFold(c.Label, word)
		},
	} {
		if i := slices.IndexFunc(f.Choices, means); i >= 0 {
			return f.Choices[i].Value
		}
	}
	return typed
}
