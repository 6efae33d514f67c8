package sdk

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
	"github.com/penstock-vpn/penstock/sdk/prompt"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// Ask asks the user. A cancelled Answer is not an error. When ctx ends first, the
// question is taken back from the user.
func (s *Session) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	message, err := promptMessage(p)
	if err != nil {
		return prompt.Answer{}, err
	}
	if ctx.Err() != nil {
		return prompt.Answer{}, context.Cause(ctx)
	}
	q, err := s.stream.ask(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Prompt{Prompt: message}})
	if err != nil {
		return prompt.Answer{}, err
	}
	defer q.done()
	reply, err := q.next(ctx)
	if err != nil {
		s.takeBack(q.id, err)
		return prompt.Answer{}, err
	}
	answer := reply.GetAnswer()
	if answer == nil {
		return prompt.Answer{}, unexpected(reply)
	}
	s.remember(p, answer.GetValues())
	return prompt.Answer{Cancelled: answer.GetCancelled(), Values: answer.GetValues()}, nil
}

// remember notes the values of an answer that redact must hide.
func (s *Session) remember(p prompt.Prompt, values map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, value := range values {
		if value != "" && confidential(p, name) {
			s.secrets = append(s.secrets, value)
		}
	}
}

// confide notes a value that redact must hide.
func (s *Session) confide(value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.secrets = append(s.secrets, value)
}

// confidential says whether the named value of p's answer is a secret.
func confidential(p prompt.Prompt, name string) bool {
	if p.Form == nil {
		return p.Sso != nil
	}
	return slices.ContainsFunc(p.Form.Fields, func(f prompt.Field) bool {
		return f.Name == name && (f.Kind == prompt.Password || f.Kind == prompt.OTP)
	})
}

func (s *Session) redact(text string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, value := range s.secrets {
		text = strings.ReplaceAll(text, value, secret.Redacted)
	}
	return text
}

// takeBack tells the host not to ask any more, unless it was the host that refused.
func (s *Session) takeBack(id uint64, err error) {
	var refused *diag.Diagnostic
	if errors.As(err, &refused) {
		return
	}
	_ = s.stream.say(&pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_Close{Close: &pluginpb.Close{Prompt: id}}})
}

// promptMessage writes p; exactly one kind must be set.
func promptMessage(p prompt.Prompt) (*pluginpb.Prompt, error) {
	m := &pluginpb.Prompt{Title: p.Title, Text: p.Text, Error: p.Error}
	kinds := 0
	if p.Form != nil {
		kinds++
		m.Kind = &pluginpb.Prompt_Form{Form: formMessage(p.Form)}
	}
	if p.Sso != nil {
		kinds++
		m.Kind = &pluginpb.Prompt_Sso{Sso: ssoMessage(p.Sso)}
	}
	if p.Confirm != nil {
		kinds++
		m.Kind = &pluginpb.Prompt_Confirm{Confirm: &pluginpb.Confirm{AcceptLabel: p.Confirm.AcceptLabel}}
	}
	if p.Wait != nil {
		kinds++
		m.Kind = &pluginpb.Prompt_Wait{Wait: &pluginpb.Wait{}}
	}
	if p.Program != nil {
		kinds++
		m.Kind = &pluginpb.Prompt_Program{Program: programMessage(p.Program)}
	}
	if kinds != 1 {
		return nil, diag.Newf(diag.Invalid, "a prompt is of exactly one kind, this one is of %d", kinds)
	}
	return m, nil
}

func formMessage(f *prompt.Form) *pluginpb.Form {
	m := &pluginpb.Form{Id: f.ID}
	for _, field := range f.Fields {
		out := &pluginpb.Field{
			Name: field.Name, Label: field.Label, Kind: pluginpb.Field_Kind(field.Kind),
			Default: field.Default, Option: field.Option, MayStore: field.MayStore,
		}
		for _, c := range field.Choices {
			out.Choices = append(out.Choices, &pluginpb.Field_Choice{Value: c.Value, Label: c.Label})
		}
		m.Fields = append(m.Fields, out)
	}
	return m
}

func ssoMessage(s *prompt.Sso) *pluginpb.Sso {
	m := &pluginpb.Sso{Url: s.URL, Html: s.HTML}
	if l := s.Loopback; l != nil {
		m.Ending = &pluginpb.Sso_Loopback{Loopback: &pluginpb.Loopback{
			Port: uint32(l.Port), PathPrefix: l.PathPrefix, RedirectParam: l.RedirectParam,
		}}
	}
	if c := s.Cookies; c != nil {
		m.Ending = &pluginpb.Sso_Cookies{Cookies: &pluginpb.Cookies{
			FinalUrl: c.FinalURL, Cookie: c.Cookie, ErrorCookie: c.ErrorCookie,
		}}
	}
	if s.Scheme != "" {
		m.Ending = &pluginpb.Sso_Scheme{Scheme: &pluginpb.Scheme{Scheme: s.Scheme}}
	}
	return m
}

func programMessage(p *prompt.Program) *pluginpb.Program {
	m := &pluginpb.Program{Option: p.Option, Args: p.Args, TimeoutS: milliseconds(p.Timeout) / 1000}
	for _, e := range p.Env {
		m.Env = append(m.Env, &pluginpb.Pair{Key: e[0], Value: e[1]})
	}
	return m
}
