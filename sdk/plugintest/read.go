package plugintest

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// readConfig is a NetConfig in Go's words; its errors are the plugin's fault.
func readConfig(m *pluginpb.NetConfig) (sdk.NetConfig, error) {
	var faults []error
	c := sdk.NetConfig{
		Addresses: all(m.GetAddresses(), netip.ParsePrefix, &faults), MTU: int(m.GetMtu()),
		Routes:   all(m.GetRoutes(), netip.ParsePrefix, &faults),
		Excludes: all(m.GetExcludes(), netip.ParsePrefix, &faults),
		DNS:      all(m.GetDns(), netip.ParseAddr, &faults),
		Search:   m.GetSearch(), SplitDNS: m.GetSplitDns(),
		NBNS:   all(m.GetNbns(), netip.ParseAddr, &faults),
		Banner: m.GetBanner(), ProxyPAC: m.GetProxyPac(),
		IdleTimeout: time.Duration(m.GetIdleTimeoutS()) * time.Second,
	}
	if m.GetExpiresUnix() != 0 {
		c.Expires = time.Unix(m.GetExpiresUnix(), 0)
	}
	for _, p := range m.GetScriptOptions() {
		c.ScriptOptions = append(c.ScriptOptions, [2]string{p.GetKey(), p.GetValue()})
	}
	return c, errors.Join(faults...)
}

func all[T any](texts []string, parse func(string) (T, error), faults *[]error) []T {
	var out []T
	for _, text := range texts {
		v, err := parse(text)
		if err != nil {
			*faults = append(*faults, err)
			continue
		}
		out = append(out, v)
	}
	return out
}

func readDiagnostic(m *pluginpb.Diagnostic) diag.Diagnostic {
	return diag.Diagnostic{
		Warning: m.GetSeverity() == pluginpb.Diagnostic_WARNING, Code: diag.Code(m.GetCode()),
		Summary: m.GetSummary(), Detail: m.GetDetail(), Option: m.GetOption(),
	}
}

func readFailed(m *pluginpb.Failed) *sdk.Failure {
	f := &sdk.Failure{Retry: sdk.Retry(m.GetRetry())}
	for _, d := range m.GetDiagnostics() {
		f.Diagnostics = append(f.Diagnostics, readDiagnostic(d))
	}
	return f
}

// readPrompt is a Prompt in Go's words, checked as a host does.
func readPrompt(m *pluginpb.Prompt) (prompt.Prompt, error) {
	p := prompt.Prompt{Title: m.GetTitle(), Text: m.GetText(), Error: m.GetError()}
	switch k := m.GetKind().(type) {
	case *pluginpb.Prompt_Form:
		p.Form = readForm(k.Form)
	case *pluginpb.Prompt_Sso:
		p.Sso = readSso(k.Sso)
	case *pluginpb.Prompt_Confirm:
		p.Confirm = &prompt.Confirm{AcceptLabel: k.Confirm.GetAcceptLabel()}
	case *pluginpb.Prompt_Wait:
		p.Wait = &prompt.Wait{}
	case *pluginpb.Prompt_Program:
		p.Program = &prompt.Program{Option: k.Program.GetOption(), Args: k.Program.GetArgs(), Timeout: time.Duration(k.Program.GetTimeoutS()) * time.Second}
		for _, e := range k.Program.GetEnv() {
			p.Program.Env = append(p.Program.Env, [2]string{e.GetKey(), e.GetValue()})
		}
	default:
		return p, errors.New("a prompt without a kind")
	}
	return p, checkPrompt(p)
}

func checkPrompt(p prompt.Prompt) error {
	if p.Form == nil {
		return nil
	}
	if p.Form.ID == "" {
		return errors.New("a form without an id cannot be scripted")
	}
	seen := map[string]bool{}
	for _, f := range p.Form.Fields {
		if f.Name == "" || seen[f.Name] {
			return fmt.Errorf("form %q: the field name %q is empty or twice there", p.Form.ID, f.Name)
		}
		seen[f.Name] = true
	}
	return nil
}

func readForm(m *pluginpb.Form) *prompt.Form {
	form := &prompt.Form{ID: m.GetId()}
	for _, f := range m.GetFields() {
		field := prompt.Field{Name: f.GetName(), Label: f.GetLabel(), Kind: prompt.Kind(f.GetKind()),
			Default: f.GetDefault(), Option: f.GetOption(), MayStore: f.GetMayStore()}
		for _, c := range f.GetChoices() {
			field.Choices = append(field.Choices, prompt.Choice{Value: c.GetValue(), Label: c.GetLabel()})
		}
		form.Fields = append(form.Fields, field)
	}
	return form
}

func readSso(m *pluginpb.Sso) *prompt.Sso {
	s := &prompt.Sso{URL: m.GetUrl(), HTML: m.GetHtml(), Scheme: m.GetScheme().GetScheme()}
	if l := m.GetLoopback(); l != nil {
		s.Loopback = &prompt.Loopback{Port: int(l.GetPort()), PathPrefix: l.GetPathPrefix(), RedirectParam: l.GetRedirectParam()}
	}
	if c := m.GetCookies(); c != nil {
		s.Cookies = &prompt.Cookies{FinalURL: c.GetFinalUrl(), Cookie: c.GetCookie(), ErrorCookie: c.GetErrorCookie()}
	}
	return s
}
