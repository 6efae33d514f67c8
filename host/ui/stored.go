package ui

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/prompt"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// maxOffers is how often a stored answer is given before the connection is up: a
// gateway that asks the same again and again without an error ends there.
const maxOffers = 4

// Stored answers the fields of forms that an option answers, and leaves the rest to
// the next Prompter. An answer that the gateway refused is not given again.
type Stored struct {
	next    Prompter
	values  option.Values
	secrets map[string]secret.String

	mu      sync.Mutex
	offers  map[string]int
	given   map[string]map[string]bool // by form: options of its last answer
	refused map[string]bool
}

// NewStored makes a Stored from a profile's options and secrets.
func NewStored(values option.Values, secrets map[string]secret.String, next Prompter) *Stored {
	return &Stored{next: next, values: values, secrets: secrets,
		offers: map[string]int{}, given: map[string]map[string]bool{}, refused: map[string]bool{}}
}

// Accepted says that the gateway took the answers: they may be given again when the
// connection has to log in anew.
func (s *Stored) Accepted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.offers)
	clear(s.given)
}

// Ask answers what is stored and asks the next Prompter for the rest.
func (s *Stored) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	if p.Form == nil || len(p.Form.Fields) == 0 {
		return s.next.Ask(ctx, p)
	}
	values, rest := s.fill(p)
	if len(rest.Form.Fields) == 0 {
		return prompt.Answer{Values: values}, nil
	}
	answer, err := s.next.Ask(ctx, rest)
	if err != nil || answer.Cancelled {
		return answer, err
	}
	maps.Copy(values, answer.Values)
	return prompt.Answer{Values: values}, nil
}

// fill takes the stored answers of p's fields and returns them with what is left.
func (s *Stored) fill(p prompt.Prompt) (map[string]string, prompt.Prompt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.Error != "" {
		s.refuse(p.Form)
	}
	values, given := map[string]string{}, map[string]bool{}
	form := prompt.Form{ID: p.Form.ID}
	for _, f := range p.Form.Fields {
		value, ok := s.lookup(f)
		fits, matches := match(f, value)
		switch {
		case !ok:
		case !matches:
			p.Error = strings.TrimSpace(fmt.Sprintf("%s %s is not among the choices.", p.Error, option.Quote(value)))
		case s.refused[f.Option] || s.offers[f.Option] >= maxOffers:
			if !hidden(f) {
				f.Default = fits
			}
		default:
			values[f.Name], given[f.Option] = fits, true
			s.offers[f.Option]++
			continue
		}
		form.Fields = append(form.Fields, f)
	}
	s.given[p.Form.ID] = given
	p.Form = &form
	return values, p
}

// refuse marks what the gateway did not take: the secrets given, or all that was
// given where no secret is asked for. A user name stays when somebody else's
// password was wrong.
func (s *Stored) refuse(f *prompt.Form) {
	given := s.given[f.ID]
	for _, field := range f.Fields {
		if hidden(field) && given[field.Option] {
			s.refused[field.Option] = true
		}
	}
	if !slices.ContainsFunc(f.Fields, hidden) {
		maps.Copy(s.refused, given)
	}
}

// hidden says whether a field's answer is a secret.
func hidden(f prompt.Field) bool { return f.Kind == prompt.Password || f.Kind == prompt.OTP }

func (s *Stored) lookup(f prompt.Field) (string, bool) {
	if f.Option == "" {
		return "", false
	}
	if kept, ok := s.secrets[f.Option]; ok && !kept.Empty() {
		return kept.Reveal(), true
	}
	value := s.values[f.Option]
	return value, value != ""
}

// match finds the choice that value means: its value, its label, or the only label
// that begins so. A field without choices takes any value.
func match(f prompt.Field, value string) (string, bool) {
	if f.Kind != prompt.ChoiceOf {
		return value, true
	}
	for _, c := range f.Choices {
		if c.Value == value || c.Label == value {
			return c.Value, true
		}
	}
	found, count := "", 0
	for _, c := range f.Choices {
		if len(value) > 0 && len(c.Label) >= len(value) && strings.EqualFold(c.Label[:len(value)], value) {
			found, count = c.Value, count+1
		}
	}
	return found, count == 1
}
