package ui

import (
	"context"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Nobody is the Prompter where no person can be reached: it waits when asked to
// wait and refuses everything else, with what to do.
type Nobody struct{}

// Ask returns a *diag.Diagnostic of code AuthRefused, except for a Wait.
func (Nobody) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	switch {
	case p.Wait != nil:
		<-ctx.Done()
		return prompt.Answer{}, ctx.Err()
	case p.Form != nil && p.Error != "":
		return prompt.Answer{}, diag.New(diag.AuthRefused, "the gateway refused the login: "+Line(p.Error),
			"nobody can be asked for another answer: correct "+fieldNames(p.Form)+" and try again")
	case p.Form != nil:
		return prompt.Answer{}, diag.New(diag.AuthRefused, "the gateway asks for "+fieldNames(p.Form)+", and nobody can be asked",
			"run it in a terminal, or give the answer as an option, by --password-stdin or in the configuration")
	case p.Sso != nil:
		return prompt.Answer{}, diag.New(diag.AuthRefused, "the gateway wants a login in a web browser, and nobody can be asked",
			"run it in a terminal of your desktop")
	}
	return prompt.Answer{}, diag.New(diag.AuthRefused, "a question needs an answer, and nobody can be asked: "+Line(p.Title+" "+p.Text),
		"run it in a terminal")
}

func fieldNames(f *prompt.Form) string {
	names := ""
	for i, field := range f.Fields {
		if i > 0 {
			names += ", "
		}
		names += label(field)
	}
	if names == "" {
		return "a confirmation"
	}
	return names
}

// label is what people see of a field.
func label(f prompt.Field) string {
	if text := Line(f.Label); text != "" {
		return trimColon(text)
	}
	return Line(f.Name)
}

func trimColon(text string) string {
	for len(text) > 0 && (text[len(text)-1] == ':' || text[len(text)-1] == ' ') {
		text = text[:len(text)-1]
	}
	return text
}
