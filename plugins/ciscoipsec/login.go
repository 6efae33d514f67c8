package main

import (
	"context"
	"crypto/x509"
	"slices"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/ikelogin"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// credentials are what a person gave. They are asked for before the first message: a
// gateway does not wait while somebody types.
type credentials struct {
	Username, Password string
	Group              string // the group's password
	None               bool   // nothing is to be asked
}

// ask has the user fill in what the login needs; refused says why the last was no good.
func (o *options) ask(ctx context.Context, s *sdk.Session, refused string) (*credentials, error) {
	var fields []prompt.Field
	if o.auth == authPSK {
		fields = append(fields, prompt.Field{Name: "group-password", Label: "Group password", Kind: prompt.Password, Option: "group-password", MayStore: true})
	}
	if o.machine.XAuth {
		fields = append(fields,
			prompt.Field{Name: "username", Label: "Username", Default: o.username, Option: "username", MayStore: true},
			prompt.Field{Name: "password", Label: "Password", Kind: prompt.Password, Option: "password", MayStore: true})
	}
	c := &credentials{None: len(fields) == 0}
	if !c.None {
		answer, err := s.Ask(ctx, prompt.Prompt{Title: "Log in to " + o.host, Error: refused, Form: &prompt.Form{ID: "main", Fields: fields}})
		switch {
		case err != nil:
			return nil, err
		case answer.Cancelled:
			return nil, diag.New(diag.Cancelled, "the login was cancelled", "Nothing was sent to the gateway.")
		}
		c.Username, c.Password, c.Group = answer.Values["username"], answer.Values["password"], answer.Values["group-password"]
	}
	if o.auth == authPSK && c.Group == "" {
		return nil, diag.New(diag.Config, "there is no group password", "Give one with the option group-password, or another way with the option auth.").With("group-password")
	}
	return c, tries.Keep(s, c)
}

// tunnel are the options of a tunnel with those credentials.
func (o *options) tunnel(ctx context.Context, s *sdk.Session, c *credentials) (tunnel.Options, error) {
	t := tunnel.Options{Gateway: o.host, Port: o.port, Machine: o.machine,
		Trust: func(ctx context.Context, chain []*x509.Certificate, name string, id *ike.ID) error {
			return ikelogin.Trust(ctx, s, chain, name, id)
		},
		Ask: func(ctx context.Context, q machine.Ask, alone bool) (map[uint16]string, error) {
			return o.answer(ctx, s, c, q, alone)
		},
	}
	switch o.auth {
	case authPSK:
		t.Machine.Auth = machine.SharedKey{Key: ikelogin.SharedKey(c.Group)}
	case authHybrid:
		t.Machine.Auth = machine.Hybrid{}
	default:
		return t, byCertificate(ctx, s, &t)
	}
	return t, nil
}

// byCertificate proves us by the user's certificate; we are its subject, unless the
// user says otherwise.
func byCertificate(ctx context.Context, s *sdk.Session, t *tunnel.Options) error {
	c, err := s.ClientCertificate(ctx)
	if err != nil {
		return err
	}
	if c == nil {
		return diag.New(diag.Config, "there is no certificate to log in with", "Set the options usercert and userkey.").With("usercert")
	}
	if c.Chain[0].PublicKeyAlgorithm != x509.RSA {
		return diag.New(diag.Config, "the certificate's key is none of RSA", "IKEv1 signs with RSA here. Use another certificate.").With("usercert")
	}
	if t.Machine.Identity == nil {
		t.Machine.Identity = &ike.ID{Kind: ike.IDDN, Data: c.Chain[0].RawSubject}
	}
	var proof machine.Certificate
	for _, cert := range c.Chain {
		proof.Chain = append(proof.Chain, cert.Raw)
	}
	t.Key, t.Machine.Auth = c.Key, proof
	return nil
}

// questions are the words for what XAUTH asks.
var questions = map[uint16]prompt.Field{
	ike1.XAuthUser:     {Name: "username", Label: "Username", Option: "username"},
	ike1.XAuthPassword: {Name: "password", Label: "Password", Kind: prompt.Password},
	ike1.XAuthPasscode: {Name: "passcode", Label: "Passcode", Kind: prompt.OTP},
	ike1.XAuthNextPIN:  {Name: "next-pin", Label: "New PIN", Kind: prompt.Password},
	ike1.XAuthAnswer:   {Name: "answer", Label: "Answer", Kind: prompt.OTP},
	ike1.XAuthDomain:   {Name: "domain", Label: "Domain", Option: "domain"},
}

// answer answers XAUTH with what is known: at first that is the password, whatever it is
// called. Everything else is put to the user.
func (o *options) answer(ctx context.Context, s *sdk.Session, c *credentials, q machine.Ask, alone bool) (map[uint16]string, error) {
	values := map[uint16]string{ike1.XAuthUser: c.Username, ike1.XAuthPassword: c.Password, ike1.XAuthDomain: o.domain}
	first := slices.Contains(q.Fields, ike1.XAuthUser) && !q.Again
	if first && !slices.Contains(q.Fields, ike1.XAuthPassword) {
		values[ike1.XAuthPasscode] = c.Password
	}
	var fields []prompt.Field
	for _, kind := range q.Fields {
		_, known := values[kind]
		if f := questions[kind]; !known || q.Again && kind != ike1.XAuthUser && kind != ike1.XAuthDomain {
			fields = append(fields, f)
		}
	}
	switch {
	case len(fields) == 0:
		return values, nil
	case alone:
		return nil, sdk.Fail(sdk.Now, diag.New(diag.SessionEnded, "the gateway wants a new login", "It asks for more than is known. Connecting again."))
	}
	p := prompt.Prompt{Title: "The gateway asks", Text: q.Message, Form: &prompt.Form{ID: "challenge", Fields: fields}}
	if q.Again {
		p.Error = "the gateway did not accept the last answer"
	}
	answer, err := s.Ask(ctx, p)
	if err == nil && answer.Cancelled {
		err = diag.New(diag.Cancelled, "the login was cancelled", "The gateway's question was not answered.")
	}
	if err != nil {
		return nil, sdk.Fail(sdk.Never, err)
	}
	for _, kind := range q.Fields {
		if value, given := answer.Values[questions[kind].Name]; given {
			values[kind] = value
		}
	}
	return values, nil
}
