package plugintest

import (
	"context"
	"slices"
	"strings"

	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Answer scripts the next answer to a prompt: forms go by their ID, others by "sso",
// "confirm", "wait" and "program". Several answers to one prompt are given in turn;
// when none is left the user cancels. Fields that values lack keep their default.
func (h *Host) Answer(id string, values map[string]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answers[id] = append(h.answers[id], values)
}

// answer asks Ask, or takes the next scripted answer. A Wait that nothing is scripted
// for waits until ctx ends.
func (h *Host) answer(ctx context.Context, p prompt.Prompt) prompt.Answer {
	a := prompt.Answer{Cancelled: true}
	if h.Ask != nil {
		a = h.Ask(ctx, p)
	} else if values, ok := h.nextAnswer(promptID(p)); ok {
		a = prompt.Answer{Values: withDefaults(p, values)}
	} else if p.Wait != nil {
		<-ctx.Done()
	}
	h.guard(p, a)
	return a
}

func (h *Host) nextAnswer(id string) (map[string]string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	left := h.answers[id]
	if len(left) == 0 {
		return nil, false
	}
	h.answers[id] = left[1:]
	return left[0], true
}

func promptID(p prompt.Prompt) string {
	switch {
	case p.Form != nil:
		return p.Form.ID
	case p.Sso != nil:
		return "sso"
	case p.Confirm != nil:
		return "confirm"
	case p.Program != nil:
		return "program"
	}
	return "wait"
}

func withDefaults(p prompt.Prompt, values map[string]string) map[string]string {
	out := map[string]string{}
	if p.Form != nil {
		for _, f := range p.Form.Fields {
			out[f.Name] = f.Default
		}
	}
	for name, value := range values {
		out[name] = value
	}
	return out
}

// guard remembers what was answered in confidence.
func (h *Host) guard(p prompt.Prompt, a prompt.Answer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for name, value := range a.Values {
		if len(value) >= shortestSecret && inConfidence(p, name) {
			h.secrets = append(h.secrets, value)
		}
	}
}

// shortestSecret is what is looked for in texts; shorter ones turn up by chance.
const shortestSecret = 4

func inConfidence(p prompt.Prompt, name string) bool {
	if p.Form == nil {
		return p.Sso != nil
	}
	return slices.ContainsFunc(p.Form.Fields, func(f prompt.Field) bool {
		return f.Name == name && (f.Kind == prompt.Password || f.Kind == prompt.OTP)
	})
}

// inspect fails the test when a text that people or logs see holds a secret.
func (h *Host) inspect(where, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, secret := range h.secrets {
		if strings.Contains(text, secret) {
			h.t.Errorf("plugintest: %s holds a secret that the user gave: %q", where, strings.ReplaceAll(text, secret, "[the secret]"))
		}
	}
}
