package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"slices"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/eaplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ikelogin"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// credentials are what a person gave. They are asked for before the first message: a
// gateway does not wait while somebody types.
type credentials struct {
	People [2]person // of logins by EAP, in their order
	PSK    string
	Ticket *machine.Ticket // of the gateway, to go on without a login; nil: none
	InUDP  bool            // ESP alone does not get through
	Later  bool            // nothing is asked before: a certificate serves, or the gateway asks itself
}

// person is who logs in by EAP.
type person struct{ Username, Password string }

// ask has the user fill in what the login needs; refused says why the last was no good.
func (o *options) ask(ctx context.Context, s *sdk.Session, refused string) (*credentials, error) {
	fields := o.fields()
	if len(fields) == 0 {
		c := &credentials{Later: true}
		return c, tries.Keep(s, c)
	}
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "Log in to " + o.host, Error: refused, Form: &prompt.Form{ID: "main", Fields: fields}})
	switch {
	case err != nil:
		return nil, err
	case answer.Cancelled:
		return nil, diag.New(diag.Cancelled, "the login was cancelled", "Nothing was sent to the gateway.")
	}
	v := answer.Values
	c := &credentials{PSK: v["psk"], People: [2]person{{v["username"], v["password"]}, {v["secondary-username"], v["secondary-password"]}}}
	if slices.Contains(o.rounds, authPSK) && c.PSK == "" {
		return nil, diag.New(diag.Config, "there is no pre-shared key", "Give one with the option psk.").With("psk")
	}
	return c, tries.Keep(s, c)
}

// fields are what is to be filled in; none: a certificate serves, or the gateway asks.
func (o *options) fields() (fields []prompt.Field) {
	people := 0
	for _, way := range o.rounds {
		switch {
		case way == authPSK:
			fields = append(fields, prompt.Field{Name: "psk", Label: "Pre-shared key", Kind: prompt.Password, Option: "psk", MayStore: true})
		case way == authEAP && !o.eap.methods.ByCertificate():
			prefix, label := "", ""
			if people > 0 {
				prefix, label = "secondary-", "Second "
			}
			fields = append(fields,
				prompt.Field{Name: prefix + "username", Label: label + "Username", Default: o.usernames[people], Option: prefix + "username", MayStore: true},
				prompt.Field{Name: prefix + "password", Label: label + "Password", Kind: prompt.Password, Option: prefix + "password", MayStore: true})
			people++
		}
	}
	return fields
}

// asksPassword says whether a person's password is part of the login.
func (o *options) asksPassword() bool {
	return slices.ContainsFunc(o.fields(), func(f prompt.Field) bool { return f.Option == "password" })
}

// tunnel are the options of a tunnel with those credentials.
func (o *options) tunnel(ctx context.Context, s *sdk.Session, c *credentials) (tunnel.Options, error) {
	t := tunnel.Options{
		Gateway: o.host, Port: o.port, TCP: o.tcp, MTU: o.mtu, Machine: o.machine,
		Trust: func(ctx context.Context, chain []*x509.Certificate, name string, id *ike.ID) error {
			return ikelogin.Trust(ctx, s, chain, name, id)
		},
		Ask:    func(ctx context.Context, text string) (string, error) { return eaplogin.Question(ctx, s, text) },
		Ticket: c.Ticket, Encap: o.encap,
		Encapsulated: func() {
			c.InUDP = true
			if err := tries.Keep(s, c); err != nil {
				s.Debug("That ESP goes in UDP is not kept: %v", err)
			}
		},
		Keep: func(ticket *machine.Ticket) {
			c.Ticket = ticket
			if err := tries.Keep(s, c); err != nil {
				s.Debug("The gateway's ticket is not kept: %v", err)
			}
		},
	}
	if c.InUDP {
		t.Encap = tunnel.AlwaysUDP
	}
	people := 0
	for round, way := range o.rounds {
		var auth machine.Auth
		var err error
		switch way {
		case authPSK:
			key := ikelogin.SharedKey(c.PSK)
			if round == 0 { // the gateway proves itself in the first one
				t.Machine.SharedKey = key
			}
			auth = machine.SharedKey{Key: key, Identity: o.identity(round, o.usernames[0])}
		case authCert:
			auth, err = o.byCertificate(ctx, s, round, &t)
		case authAnyConnect:
			auth = o.byAnyConnect(s, &t)
		default:
			auth, err = o.byEAP(ctx, s, round, o.person(c, people))
			people++
		}
		if err != nil {
			return t, err
		}
		t.Machine.Auth = append(t.Machine.Auth, auth)
	}
	return t, nil
}

// person is the i-th that logs in by EAP.
func (o *options) person(c *credentials, i int) person {
	p := c.People[i]
	p.Username = cmp.Or(p.Username, o.usernames[i])
	return p
}

// byCertificate proves us by the user's certificate; we are its subject, unless the
// user says otherwise.
func (o *options) byCertificate(ctx context.Context, s *sdk.Session, round int, t *tunnel.Options) (machine.Auth, error) {
	c, err := s.ClientCertificate(ctx)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, diag.New(diag.Config, "there is no certificate to log in with", "Set the options usercert and userkey.").With("usercert")
	}
	proof := machine.Certificate{Public: c.Key.Public(), Identity: o.localIDs[round]}
	if proof.Identity == nil {
		proof.Identity = &ike.ID{Kind: ike.IDDN, Data: c.Chain[0].RawSubject}
	}
	for _, cert := range c.Chain {
		proof.Chain = append(proof.Chain, cert.Raw)
	}
	t.Key = c.Key
	return proof, nil
}

// identity is who we are in a round: what the user says, or else the user name, or else a
// name that means nothing.
func (o *options) identity(round int, username string) *ike.ID {
	if id := o.localIDs[round]; id != nil {
		return id
	}
	if id, err := ikelogin.Identity(username); err == nil && id != nil {
		return id
	}
	return &ike.ID{Kind: ike.IDFQDN, Data: []byte("penstock")}
}
