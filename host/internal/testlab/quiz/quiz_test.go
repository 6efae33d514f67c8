package main

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
	"github.com/penstock-vpn/penstock/sdk/plugintest/plainudp"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// obliging is what the suite answers where a scenario has nothing to say.
const obliging = "Iridium-4711"

func TestConformance(t *testing.T) {
	plugintest.Conformance(t, func() sdk.Plugin { return quiz{} }, plugintest.Scenario{
		Prepare: func(h *plugintest.Host) {
			h.Gateway("udp", plugintest.Any, (&plainudp.Gateway{}).Serve)
			h.Answer("main", map[string]string{"username": obliging, "password": obliging})
			h.Answer("otp", map[string]string{"otp": obliging})
		},
		Profile: plugintest.Profile{Options: map[string]string{"ask": "form,otp", "tunnel": "true",
			"expect-username": obliging, "expect-password": obliging, "expect-otp": obliging}},
	})
}

// all is every question, and the right answers.
var all = slices.Sorted(maps.Keys(questions))

func options() map[string]string {
	o := map[string]string{"gateway": "vpn.example.com", "ask": strings.Join(all, ",")}
	for _, e := range expected {
		o["expect-"+e.name] = e.answer
	}
	return o
}

func rightly(ctx context.Context, p prompt.Prompt) prompt.Answer {
	if p.Wait != nil {
		<-ctx.Done()
	}
	values := map[string]string{"request_uri": "/quiz/done?token=marmalade"}
	for _, e := range expected {
		values[e.name] = e.answer
	}
	return prompt.Answer{Values: values}
}

func TestAllRight(t *testing.T) {
	h := plugintest.NewHost(t)
	h.Ask = rightly
	run := h.Run(quiz{}, plugintest.Profile{Protocol: "quiz", Options: options()})
	ends(t, run, diag.SessionEnded, "quiz passed: "+strings.Join(all, " "))
	if n := len(run.Prompts()); n != len(all) {
		t.Errorf("asked %d times, want %d", n, len(all))
	}
}

func TestEachWrongAnswerIsNamed(t *testing.T) {
	for key, wrong := range map[string]string{
		"username": "form retry", "password": "form retry second", "group": "choice", "otp": "otp", "second-password": "second",
		"new-password": "renew", "again": "renew", "request-uri": "sso", "session": "cookies",
	} {
		h := plugintest.NewHost(t)
		h.Ask = rightly
		o := options()
		o["expect-"+key] = "another"
		ends(t, h.Run(quiz{}, plugintest.Profile{Protocol: "quiz", Options: o}), diag.AuthRefused, "quiz failed: wrong "+wrong+"; right ")
	}
}

func TestUnknownQuestion(t *testing.T) {
	if found := (quiz{}).Validate(map[string]string{"ask": "otp,riddle"}); len(found) != 1 || found[0].Option != "ask" || !strings.Contains(found[0].Summary, "riddle") {
		t.Errorf("found %v", found)
	}
}

func ends(t *testing.T, run *plugintest.Run, code diag.Code, summary string) {
	t.Helper()
	var f *sdk.Failure
	if err := run.Wait(); !errors.As(err, &f) || f.Retry != sdk.Never || f.Diagnostics[0].Code != code || !strings.HasPrefix(f.Diagnostics[0].Summary, summary) {
		t.Errorf("ended with %v, want %q", err, summary)
	}
}
