// Command quiz is a plugin for tests: it asks what its option `ask` lists, compares
// the answers with its options expect-*, and says how the user did. With the option
// `tunnel`, and all answers right, it brings up a tunnel by the protocol of the sdk's
// examples (plainudp).
//
//	main.go        what it is, and the session
//	questions.go   what it can ask
//	tunnel.go      the tunnel
package main

import (
	"context"
	"strings"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

func main() { sdk.Serve(quiz{}) }

type quiz struct{}

// Describe says what the plugin is.
func (quiz) Describe() sdk.Description {
	return sdk.Description{
		Name: "quiz", Version: "1.0.0",
		Protocols: []sdk.Protocol{{Name: "quiz", Label: "Quiz (for tests)"}},
		Needs:     []string{sdk.NeedUDP},
		Options:   schema(),
	}
}

func schema() option.Schema {
	all := option.Schema{
		{Key: "ask", Type: option.List, Label: "Questions", Help: "What to ask, in order.", Default: "form"},
		{Key: "secondary-password", Label: "Second password", Help: "Answers the second password's field.", Secret: true},
		{Key: "tunnel", Type: option.Bool, Label: "Tunnel", Help: "Bring up a tunnel when all answers are right.", Default: "false"},
	}
	for _, e := range expected {
		all = append(all, option.Option{Key: "expect-" + e.name, Label: "Right answer: " + e.name, Help: "The answer that is right.", Default: e.answer})
	}
	return all
}

// Validate checks what the schema cannot.
func (quiz) Validate(values map[string]string) (found []diag.Diagnostic) {
	for _, name := range asked(values) {
		if _, ok := questions[name]; !ok {
			found = append(found, *diag.New(diag.Config, "there is no question "+option.Quote(name), "See questions.go.").With("ask"))
		}
	}
	return found
}

func asked(options map[string]string) []string {
	return strings.FieldsFunc(options["ask"], func(r rune) bool { return r == ',' })
}

// Connect asks, and ends with the result or brings up the tunnel.
func (quiz) Connect(ctx context.Context, s *sdk.Session) error {
	until, cancel := s.UntilStop(ctx)
	defer cancel()
	if err := s.Phase(sdk.Authenticating); err != nil {
		return err
	}
	var right, wrong []string
	for _, name := range asked(s.Options()) {
		ok, err := questions[name].ask(until, s)
		switch {
		case err != nil:
			return err
		case ok:
			right = append(right, name)
		default:
			wrong = append(wrong, name)
		}
	}
	passed := "quiz passed: " + strings.Join(right, " ")
	switch {
	case len(wrong) > 0:
		return diag.New(diag.AuthRefused, "quiz failed: wrong "+strings.Join(wrong, " ")+"; right "+strings.Join(right, " "), "Give other answers.")
	case s.Options()["tunnel"] != "true":
		return diag.New(diag.SessionEnded, passed, "There is nothing more.")
	}
	s.Info("%s", passed)
	return tunnel(until, s)
}
