// Package secret holds values that must not reach a log, an argv or a file by
// accident: every way of formatting one gives the same placeholder.
package secret

import (
	"fmt"
	"io"
	"log/slog"
)

// Redacted is what a secret looks like in any output.
const Redacted = "[redacted]"

// String is a secret text. Only Reveal gives it away.
type String struct{ value string }

// New wraps value.
func New(value string) String { return String{value} }

// Reveal returns the secret itself; the caller must not print or store it.
func (s String) Reveal() string { return s.value }

// Empty says whether there is no secret at all.
func (s String) Empty() bool { return s.value == "" }

// String returns the placeholder.
func (s String) String() string { return Redacted }

// GoString returns the placeholder.
func (s String) GoString() string { return Redacted }

// Format prints the placeholder for every verb.
func (s String) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, Redacted) }

// MarshalText returns the placeholder, so that JSON and TOML hold no secret.
func (s String) MarshalText() ([]byte, error) { return []byte(Redacted), nil }

// LogValue returns the placeholder.
func (s String) LogValue() slog.Value { return slog.StringValue(Redacted) }
