package main

import (
	"context"
	"crypto/x509"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	ike1 "github.com/penstock-vpn/penstock/plugins/internal/ike1/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/ikelogin"
	"github.com/penstock-vpn/penstock/plugins/internal/l2tp"
	"github.com/penstock-vpn/penstock/plugins/internal/ppplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/l2tp/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// credentials are what a person gave. They are asked for before the first message: a
// gateway does not wait while somebody types.
type credentials struct {
	PSK    string
	Secret string // of L2TP
	Person ppplogin.Credentials
}

// ask has the user fill in what IPsec and the login need; refused says why the person of
// last was no good, whose keys were.
func (o *options) ask(ctx context.Context, s *sdk.Session, last *credentials, refused string) (*credentials, error) {
	c := &credentials{}
	if last != nil {
		c.PSK, c.Secret = last.PSK, last.Secret
	}
	var err error
	if !o.byCert && c.PSK == "" {
		if c.PSK, err = o.secret(ctx, s, pskKey, "Pre-shared key"); err != nil {
			return nil, err
		}
	}
	if s.Stored(secretKey) && c.Secret == "" {
		if c.Secret, err = o.secret(ctx, s, secretKey, "Tunnel secret"); err != nil {
			return nil, err
		}
	}
	if c.Person, err = o.login.Ask(ctx, s, refused); err != nil {
		return nil, err
	}
	return c, tries.Keep(s, c)
}

// secret is the value of a secret option.
func (o *options) secret(ctx context.Context, s *sdk.Session, key, label string) (string, error) {
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "Connect to " + o.host, Form: &prompt.Form{ID: key, Fields: []prompt.Field{
		{Name: key, Label: label, Kind: prompt.Password, Option: key, MayStore: true},
	}}})
	switch {
	case err != nil:
		return "", err
	case answer.Cancelled:
		return "", diag.New(diag.Cancelled, "the login was cancelled", "Nothing was sent to the gateway.")
	case answer.Values[key] == "":
		return "", diag.New(diag.Config, "there is no "+strings.ToLower(label), "Give one with the option "+key+".").With(key)
	}
	return answer.Values[key], nil
}

// tunnel are the options of a tunnel with those credentials.
func (o *options) tunnel(ctx context.Context, s *sdk.Session, c *credentials) (tunnel.Options, error) {
	call, err := o.login.Call(ctx, s, &c.Person, func() error { return tries.Keep(s, c) })
	if err != nil {
		return tunnel.Options{}, err
	}
	call.MTU, call.DPD = o.mtu, o.dpd
	t := tunnel.Options{
		Options: call,
		IKE: ike1.Options{
			Gateway: o.host, Port: o.port,
			Machine: machine.Config{Identity: o.localID, RemoteID: o.remoteID, IKE: o.ike, ESP: o.esp, IKELife: o.ikeLife, ChildLife: o.espLife, DPD: o.dpd},
			Trust: func(ctx context.Context, chain []*x509.Certificate, name string, id *ike.ID) error {
				return ikelogin.Trust(ctx, s, chain, name, id)
			},
		},
		L2TP: l2tp.Config{Host: settings.HostName(), Secret: []byte(c.Secret), SecretOption: secretKey},
	}
	t.IKE.Machine.Auth = machine.SharedKey{Key: ikelogin.SharedKey(c.PSK)}
	if o.byCert {
		err = o.certificate(ctx, s, &t.IKE)
	}
	return t, err
}

// certificate proves this computer by the user's certificate; it is its subject, unless the
// user says otherwise.
func (o *options) certificate(ctx context.Context, s *sdk.Session, t *ike1.Options) error {
	c, err := s.ClientCertificate(ctx)
	if err != nil {
		return err
	}
	if c == nil {
		return diag.New(diag.Config, "there is no certificate for the machine authentication", "Set the options usercert and userkey.").With("usercert")
	}
	proof := machine.Certificate{}
	for _, cert := range c.Chain {
		proof.Chain = append(proof.Chain, cert.Raw)
	}
	if t.Machine.Identity == nil {
		t.Machine.Identity = &ike.ID{Kind: ike.IDDN, Data: c.Chain[0].RawSubject}
	}
	t.Machine.Auth, t.Key = proof, c.Key
	return nil
}
