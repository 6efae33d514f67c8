package host

import (
	"net/url"
	"time"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Bounds of a prompt; a person cannot answer a larger one.
const (
	maxFields  = 32
	maxChoices = 512
)

// parsePrompt checks and cleans what a plugin wants to ask: texts come from the
// gateway and end in a terminal or a dialog.
func parsePrompt(m *pluginpb.Prompt) (prompt.Prompt, error) {
	p := prompt.Prompt{Title: ui.Line(m.Title), Text: ui.Clean(m.Text), Error: ui.Line(m.Error)}
	switch k := m.Kind.(type) {
	case *pluginpb.Prompt_Form:
		form, err := parseForm(k.Form)
		p.Form = form
		return p, err
	case *pluginpb.Prompt_Sso:
		if u, err := url.Parse(k.Sso.GetUrl()); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return p, diag.New(diag.Protocol, "the gateway asks for a login page that is no web address", "Nothing was opened.")
		}
		p.Sso = parseSso(k.Sso)
	case *pluginpb.Prompt_Confirm:
		p.Confirm = &prompt.Confirm{AcceptLabel: ui.Line(k.Confirm.GetAcceptLabel())}
	case *pluginpb.Prompt_Wait:
		p.Wait = &prompt.Wait{}
	case *pluginpb.Prompt_Program:
		p.Program = parseProgram(k.Program)
	default:
		return p, diag.New(diag.UnknownMessage, "this kind of prompt is unknown here", "The plugin is newer than the host; update penstock.")
	}
	return p, nil
}

func parseForm(m *pluginpb.Form) (*prompt.Form, error) {
	if len(m.GetFields()) > maxFields {
		return nil, diag.Newf(diag.Invalid, "a form of %d fields, at most %d are allowed", len(m.GetFields()), maxFields)
	}
	form := &prompt.Form{ID: ui.Line(m.GetId())}
	for _, f := range m.GetFields() {
		if len(f.GetChoices()) > maxChoices {
			return nil, diag.Newf(diag.Invalid, "field %q has %d choices, at most %d are allowed", clip(f.GetName()), len(f.GetChoices()), maxChoices)
		}
		field := prompt.Field{
			Name: f.GetName(), Label: ui.Line(f.GetLabel()), Kind: prompt.Kind(f.GetKind()), Default: ui.Line(f.GetDefault()),
			Option: f.GetOption(), MayStore: f.GetMayStore(),
		}
		if field.Kind < prompt.Text || field.Kind > prompt.File {
			field.Kind = prompt.Text
		}
		for _, c := range f.GetChoices() {
			field.Choices = append(field.Choices, prompt.Choice{Value: c.GetValue(), Label: ui.Line(c.GetLabel())})
		}
		form.Fields = append(form.Fields, field)
	}
	return form, nil
}

func parseSso(m *pluginpb.Sso) *prompt.Sso {
	s := &prompt.Sso{URL: m.GetUrl()}
	switch e := m.GetEnding().(type) {
	case *pluginpb.Sso_Loopback:
		s.Loopback = &prompt.Loopback{Port: int(e.Loopback.GetPort()), PathPrefix: e.Loopback.GetPathPrefix(), RedirectParam: e.Loopback.GetRedirectParam()}
	case *pluginpb.Sso_Cookies:
		s.Cookies = &prompt.Cookies{FinalURL: e.Cookies.GetFinalUrl(), Cookie: e.Cookies.GetCookie(), ErrorCookie: e.Cookies.GetErrorCookie()}
	}
	return s
}

func parseProgram(m *pluginpb.Program) *prompt.Program {
	p := &prompt.Program{Option: m.GetOption(), Args: m.GetArgs(), Timeout: time.Duration(m.GetTimeoutS()) * time.Second}
	for _, e := range m.GetEnv() {
		p.Env = append(p.Env, [2]string{e.GetKey(), e.GetValue()})
	}
	return p
}
