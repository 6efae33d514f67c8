package plugintest

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// stage is a point of a session where something happens to it.
type stage struct {
	name     string
	scenario Scenario
	prepare  func(h *Host)
	reached  func(r *Run) bool
	optional bool // a plugin may get past it another way
}

var kinds = []string{"tcp", "tls", "udp", "dtls", "raw"}

// stages are those that can be reached, with a scenario or without.
func stages(scenario []Scenario) []stage {
	s := first(scenario)
	all := []stage{
		{name: "opening", scenario: s, prepare: hanging, reached: func(r *Run) bool { return len(r.Opens()) > 0 }},
		{name: "the gateway is silent", scenario: s, prepare: silent, reached: (*Run).connected},
	}
	if len(scenario) > 0 {
		all = append(all,
			stage{name: "asking", scenario: s, prepare: unanswered, optional: true,
				reached: func(r *Run) bool { return len(r.Prompts()) > 0 || r.isUp() }},
			stage{name: "up", scenario: s, prepare: func(*Host) {}, reached: (*Run).isUp})
	}
	return all
}

// hanging never answers an Open; what is asked before is answered somehow.
func hanging(h *Host) {
	h.forgetGateways()
	for _, kind := range kinds {
		h.Hang(kind, Any)
	}
	h.Ask = oblige
}

// silent gateways accept and never answer.
func silent(h *Host) {
	h.forgetGateways()
	for _, kind := range kinds {
		h.Gateway(kind, Any, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	}
	h.Ask = oblige
}

func unanswered(h *Host) {
	h.Ask = func(ctx context.Context, _ prompt.Prompt) prompt.Answer {
		<-ctx.Done()
		return prompt.Answer{Cancelled: true}
	}
}

// oblige answers anything.
func oblige(_ context.Context, p prompt.Prompt) prompt.Answer {
	values := map[string]string{}
	if p.Form != nil {
		for _, f := range p.Form.Fields {
			switch {
			case f.Default != "":
				values[f.Name] = f.Default
			case len(f.Choices) > 0:
				values[f.Name] = f.Choices[0].Value
			default:
				values[f.Name] = "Iridium-4711"
			}
		}
	}
	return prompt.Answer{Cancelled: p.Form == nil, Values: values}
}

func (h *Host) forgetGateways() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.gateways)
}

// connected says whether a transport is open.
func (r *Run) connected() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.links) > 0
}

// isUp says whether there are settings and a path.
func (r *Run) isUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.configs) > 0 && len(r.attached) > 0
}

// enter runs a session up to the stage.
func (s stage) enter(t testing.TB, target *Target) (*Host, *Run) {
	t.Helper()
	h := NewHost(t)
	s.scenario.prepare(h)
	s.prepare(h)
	r := h.Start(target, s.scenario.profile(t, target))
	r.Until("a session that is "+s.name, func(r *Run) bool { return s.reached(r) || r.isOver() })
	if !s.reached(r) {
		t.Fatalf("the session ended with %v before it was %s; the plugin %s", r.Wait(), s.name, r.history())
	}
	return h, r
}

func (s stage) testStop(t testing.TB, start Starter) {
	_, r := s.enter(t, start(t))
	r.Stop(true)
	select {
	case <-r.over:
	case <-time.After(StopDeadline):
		t.Fatalf("it did not end within the %v of Stop; the plugin %s", StopDeadline, r.history())
	}
	if err := r.Wait(); err != nil {
		t.Errorf("after Stop it ended with %v, want a clean end", err)
	}
}

// testLeftAlone sees the end of a Connect in that a next session can begin.
func (s stage) testLeftAlone(t testing.TB, start Starter) {
	target := start(t)
	h, r := s.enter(t, target)
	r.Kill()
	h.forgetGateways()
	profile := s.scenario.profile(t, target)
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for deadline := time.After(patience); ; {
		next := h.Start(target, profile)
		next.Until("an end or a sign of life", func(r *Run) bool { return r.isOver() || r.history() != silence })
		if !next.isBusy() {
			next.Kill()
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			t.Fatal("the session did not end although its host was gone")
		}
	}
}

// isBusy says whether the plugin refused the session because another still runs.
func (r *Run) isBusy() bool {
	return r.isOver() && status.Code(r.Wait()) == codes.FailedPrecondition
}
