package sdk_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

var login = prompt.Prompt{Title: "Log in", Text: "Hello", Error: "wrong", Form: &prompt.Form{ID: "main", Fields: []prompt.Field{
	{Name: "user", Label: "User", Kind: prompt.Text, Default: "alice", Option: "username"},
	{Name: "pass", Label: "Password", Kind: prompt.Password, MayStore: true},
	{Name: "code", Label: "Code", Kind: prompt.OTP},
	{Name: "group", Label: "Group", Kind: prompt.ChoiceOf, Choices: []prompt.Choice{{Value: "a", Label: "A"}, {Value: "b", Label: "B"}}},
	{Name: "cert", Label: "Certificate", Kind: prompt.File},
}}}

func TestEveryKindOfPromptArrivesWhole(t *testing.T) {
	plugintest.CheckLeaks(t)
	prompts := []prompt.Prompt{
		login,
		{Sso: &prompt.Sso{URL: "https://vpn.example.com/sso", Loopback: &prompt.Loopback{Port: 29786, PathPrefix: "/api/", RedirectParam: "return"}}},
		{Sso: &prompt.Sso{URL: "https://vpn.example.com/sso", Cookies: &prompt.Cookies{FinalURL: "https://vpn.example.com/end", Cookie: "token", ErrorCookie: "error"}}},
		{Sso: &prompt.Sso{HTML: "<form>", Scheme: "vpncallback"}},
		{Text: "banner", Confirm: &prompt.Confirm{AcceptLabel: "Accept"}},
		{Program: &prompt.Program{Option: "wrapper", Args: []string{"-x"}, Env: [][2]string{{"A", "1"}}, Timeout: 3 * time.Second}},
	}
	h := plugintest.NewHost(t)
	h.Answer("main", map[string]string{"pass": "Iridium-4711"})
	h.Answer("sso", map[string]string{"token": "Palladium-46"})
	run := h.Run(negotiating(func(ctx context.Context, s *sdk.Session) error {
		var answers []prompt.Answer
		for _, p := range prompts {
			a, err := s.Ask(ctx, p)
			check(t, "ask", err)
			answers = append(answers, a)
		}
		if got := answers[0].Values; got["user"] != "alice" || got["pass"] != "Iridium-4711" {
			t.Errorf("answered %v", got)
		}
		if got := answers[1]; got.Cancelled || got.Values["token"] != "Palladium-46" {
			t.Errorf("answered %v", got)
		}
		if !answers[2].Cancelled || !answers[3].Cancelled || !answers[4].Cancelled {
			t.Errorf("what nobody answers is not cancelled: %v", answers[2:])
		}
		return nil
	}), plugintest.Profile{})
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	if got := run.Prompts(); !reflect.DeepEqual(got, prompts) {
		t.Errorf("asked\n%+v, want\n%+v", got, prompts)
	}
}

func TestAskIsTakenBack(t *testing.T) {
	plugintest.CheckLeaks(t)
	h := plugintest.NewHost(t)
	asked, takenBack := make(chan struct{}), make(chan struct{})
	h.Ask = func(ctx context.Context, _ prompt.Prompt) prompt.Answer {
		close(asked)
		<-ctx.Done()
		close(takenBack)
		return prompt.Answer{}
	}
	run := h.Run(negotiating(func(ctx context.Context, s *sdk.Session) error {
		short, cancel := context.WithCancel(ctx)
		go func() {
			<-asked
			cancel()
		}()
		if _, err := s.Ask(short, prompt.Prompt{Wait: &prompt.Wait{}}); !errors.Is(err, context.Canceled) {
			t.Errorf("taken back with %v", err)
		}
		<-takenBack
		return s.Phase(sdk.Negotiating) // the session goes on
	}), plugintest.Profile{})
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

func TestAPromptIsOfOneKind(t *testing.T) {
	err := session(t, nil, func(ctx context.Context, s *sdk.Session) error {
		for _, p := range []prompt.Prompt{{}, {Confirm: &prompt.Confirm{}, Wait: &prompt.Wait{}}} {
			_, err := s.Ask(ctx, p)
			wantCode(t, err, diag.Invalid)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestAnErrorNobodyExplainedHidesWhatTheUserGave(t *testing.T) {
	err := session(t, func(h *plugintest.Host) {
		h.Answer("main", map[string]string{"pass": "Iridium-4711", "code": "123456"})
	},
		func(ctx context.Context, s *sdk.Session) error {
			a, err := s.Ask(ctx, login)
			check(t, "ask", err)
			return errors.New("cannot post user=alice&pass=" + a.Values["pass"] + "&code=" + a.Values["code"])
		})
	if err == nil || strings.Contains(err.Error(), "Iridium") || strings.Contains(err.Error(), "123456") || !strings.Contains(err.Error(), "user=alice") {
		t.Errorf("it ended with %v", err)
	}
}
