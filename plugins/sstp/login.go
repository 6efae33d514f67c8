package main

import (
	"context"
	"crypto/rand"
	"encoding/json"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// credentials are what a person gave. They are asked for before the call: a gateway does
// not wait while somebody types.
type credentials struct {
	Username, Password string
	Tunnel             *tunnel.Kept `json:",omitempty"` // that they opened; nil: none
}

// resumed are the credentials of a run before this one, with the path of its tunnel if
// that is still there. nil: there was none.
func resumed(s *sdk.Session) (*credentials, *sdk.Path, error) {
	r := s.Resumed()
	if r == nil {
		return nil, nil, nil
	}
	c := &credentials{}
	if json.Unmarshal(r.Checkpoint, c) != nil || c.Username+c.Password == "" {
		c = nil
	}
	var adopt []uint32
	for _, p := range r.Installed {
		if c != nil && c.Tunnel != nil && c.Tunnel.Path == p.ID {
			adopt = append(adopt, p.ID)
		}
	}
	paths, err := s.Adopt(adopt...)
	if err != nil || len(paths) == 0 {
		return c, nil, err
	}
	return c, paths[0], nil
}

// ask has the user fill in what the login needs; refused says why the last was no good.
func (o *options) ask(ctx context.Context, s *sdk.Session, refused string) (*credentials, error) {
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "Log in to " + o.gateway.Hostname(), Error: refused, Form: &prompt.Form{ID: "main", Fields: []prompt.Field{
		{Name: "username", Label: "Username", Default: o.username, Option: "username", MayStore: true},
		{Name: "password", Label: "Password", Kind: prompt.Password, Option: "password", MayStore: true},
	}}})
	switch {
	case err != nil:
		return nil, err
	case answer.Cancelled:
		return nil, diag.New(diag.Cancelled, "the login was cancelled", "Nothing was sent to the gateway.")
	}
	return keep(s, &credentials{Username: answer.Values["username"], Password: answer.Values["password"]})
}

// keep leaves c with the host for a run after this one.
func keep(s *sdk.Session, c *credentials) (*credentials, error) {
	kept, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	return c, s.Checkpoint(kept)
}

// tunnel are the options of a tunnel with those credentials.
func (o *options) tunnel(s *sdk.Session, c *credentials) tunnel.Options {
	t := tunnel.Options{
		Gateway: o.gateway, MTU: o.mtu, DPD: o.dpd, Trace: s.Trace(),
		Keep: func(k tunnel.Kept) error {
			c.Tunnel = &k
			_, err := keep(s, c)
			return err
		},
		PPP: ppp.Config{
			Username: c.Username, Password: c.Password, Methods: o.methods, Allow: map[ppp.Method]string{},
			EAP: func() *eap.Peer {
				return eap.NewPeer(c.Username, eap.MSCHAPv2(c.Username, c.Password, rand.Reader), ppp.EAPMD5(c.Username, c.Password))
			},
		},
		Ask: func(ctx context.Context, text string) (string, error) { return question(ctx, s, text) },
		NewPassword: func(ctx context.Context, text string) (string, error) {
			password, err := newPassword(ctx, s, text)
			if err == nil {
				c.Password = password
				_, err = keep(s, c)
			}
			return password, err
		},
	}
	for _, m := range methods {
		t.PPP.Allow[m] = methodsOption
	}
	return t
}

// question puts a gateway's own question, such as for a code.
func question(ctx context.Context, s *sdk.Session, text string) (string, error) {
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "The gateway asks", Text: text, Form: &prompt.Form{ID: "challenge", Fields: []prompt.Field{
		{Name: "answer", Label: "Answer", Kind: prompt.OTP},
	}}})
	if err == nil && answer.Cancelled {
		err = diag.New(diag.Cancelled, "the login was cancelled", "The gateway's question was not answered.")
	}
	return answer.Values["answer"], err
}

// newPassword asks for a new password, twice.
func newPassword(ctx context.Context, s *sdk.Session, text string) (string, error) {
	refused := ""
	for {
		answer, err := s.Ask(ctx, prompt.Prompt{Title: "New password", Text: text, Error: refused, Form: &prompt.Form{ID: "new-password", Fields: []prompt.Field{
			{Name: "password", Label: "New password", Kind: prompt.Password},
			{Name: "again", Label: "New password, again", Kind: prompt.Password},
		}}})
		password := answer.Values["password"]
		switch {
		case err != nil:
			return "", err
		case answer.Cancelled:
			return "", diag.New(diag.Cancelled, "the login was cancelled", "The password was not changed.")
		case password == "":
			refused = "It cannot be empty."
		case password != answer.Values["again"]:
			refused = "The two are not the same."
		default:
			return password, nil
		}
	}
}
