package eaplogin

import (
	"context"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Question puts a gateway's own question, such as for a code.
func Question(ctx context.Context, s *sdk.Session, text string) (string, error) {
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "The gateway asks", Text: text, Form: &prompt.Form{ID: "challenge", Fields: []prompt.Field{
		{Name: "answer", Label: "Answer", Kind: prompt.OTP},
	}}})
	if err == nil && answer.Cancelled {
		err = diag.New(diag.Cancelled, "the login was cancelled", "The gateway's question was not answered.")
	}
	return answer.Values["answer"], err
}
