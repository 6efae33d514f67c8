// Package ui asks people: one interface, drawn by a terminal, a browser or
// NetworkManager's agents, or answered from stored secrets.
package ui

import (
	"context"

	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Prompter asks the user. A cancelled prompt is an Answer, not an error; an error
// means that nobody can be asked and says what to do about it.
type Prompter interface {
	Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error)
}
