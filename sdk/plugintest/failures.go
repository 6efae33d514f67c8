package plugintest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// mustExplain checks that the session ended with a Failed that people can read.
func mustExplain(t testing.TB, err error) *sdk.Failure {
	t.Helper()
	var f *sdk.Failure
	if !errors.As(err, &f) {
		t.Fatalf("it ended with %v, want Failed", err)
	}
	if len(f.Diagnostics) == 0 {
		t.Fatal("Failed without a diagnostic")
	}
	for _, d := range f.Diagnostics {
		if d.Summary == "" {
			t.Errorf("a diagnostic says nothing: %+v", d)
		}
	}
	return f
}

func testRefused(t testing.TB, start Starter, scenario []Scenario) {
	target := start(t)
	h := NewHost(t)
	s := first(scenario)
	s.prepare(h)
	h.forgetGateways()
	h.Ask = oblige
	mustExplain(t, h.Start(target, s.profile(t, target)).Wait())
}

// testGarbage resumes with what no plugin ever wrote. It may start afresh or fail, but
// in the contract's words; a path that it knows nothing of is none to go on with.
func testGarbage(t testing.TB, start Starter, scenario []Scenario) {
	for _, garbage := range [][]byte{{}, {0xff}, []byte(`{"version":`), make([]byte, maxCheckpoint)} {
		target := start(t)
		h := NewHost(t)
		s := first(scenario)
		s.prepare(h)
		h.forgetGateways()
		h.Ask = oblige
		profile := s.profile(t, target)
		profile.Resume, profile.Checkpoint = true, garbage
		mustExplain(t, h.Start(target, profile).Wait())
	}
}

func (s Scenario) testCancelled(t testing.TB, start Starter) {
	target := start(t)
	h := NewHost(t)
	s.prepare(h)
	h.Ask = func(context.Context, prompt.Prompt) prompt.Answer { return prompt.Answer{Cancelled: true} }
	r := h.Start(target, s.profile(t, target))
	r.Until("an end or a tunnel", func(r *Run) bool { return r.isOver() || r.isUp() })
	if r.isUp() && len(r.Prompts()) == 0 {
		return // it needs nobody
	}
	f := mustExplain(t, r.Wait())
	cancelled := func(d diag.Diagnostic) bool { return d.Code == diag.Cancelled }
	if f.Retry != sdk.Never || !slices.ContainsFunc(f.Diagnostics, cancelled) {
		t.Errorf("after a cancelled prompt it failed with %+v, want retry never and code cancelled", *f)
	}
}

func (s Scenario) testGrease(t testing.TB, start Starter) {
	target := start(t)
	h := NewHost(t)
	s.prepare(h)
	r := h.Start(target, s.profile(t, target))
	for range 2 * greaseEvery {
		r.Send(sdk.NetworkChange{}) // nothing to do anything for
	}
	r.Until("a refusal of each unknown message", func(r *Run) bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.isOver() || r.greased > 0 && r.refused == r.greased
	})
	if r.isOver() {
		t.Errorf("the session ended with %v", r.Wait())
	}
}
