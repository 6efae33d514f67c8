package host

import (
	"net/url"
	"time"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/host/ui/callback"
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
		sso, err := parseSso(k.Sso)
		p.Sso = sso
		return p, err
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

func parseSso(m *pluginpb.Sso) (*prompt.Sso, error) {
	s := &prompt.Sso{URL: m.GetUrl(), HTML: m.GetHtml(), Scheme: m.GetScheme().GetScheme()}
	switch u, err := url.Parse(s.URL); {
	case m.GetScheme() != nil && !callback.ValidScheme(s.Scheme):
		return nil, diag.Newf(diag.Invalid, "%.40q is no scheme that a login can end with", s.Scheme)
	case s.HTML != "" && (s.URL != "" || s.Scheme == ""):
		return nil, diag.New(diag.Invalid, "a login page of the gateway's own goes with no address, and with a scheme that it ends at", "")
	case s.HTML == "" && (err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == ""):
		return nil, diag.New(diag.Protocol, "the gateway asks for a login page that is no web address", "Nothing was opened.")
	}
	switch e := m.GetEnding().(type) {
	case *pluginpb.Sso_Loopback:
		s.Loopback = &prompt.Loopback{Port: int(e.Loopback.GetPort()), PathPrefix: e.Loopback.GetPathPrefix(), RedirectParam: e.Loopback.GetRedirectParam()}
	case *pluginpb.Sso_Cookies:
		s.Cookies = &prompt.Cookies{FinalURL: e.Cookies.GetFinalUrl(), Cookie: e.Cookies.GetCookie(), ErrorCookie: e.Cookies.GetErrorCookie()}
	}
	return s, nil
}

func parseProgram(m *pluginpb.Program) *prompt.Program {
	p := &prompt.Program{Option: m.GetOption(), Args: m.GetArgs(), Timeout: time.Duration(m.GetTimeoutS()) * time.Second}
	for _, e := range m.GetEnv() {
		p.Env = append(p.Env, [2]string{e.GetKey(), e.GetValue()})
	}
	return p
}
