package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// credentials are what a person gave. They are asked for before the first message: a
// gateway does not wait while somebody types.
type credentials struct {
	Username string
	Password string
	PSK      string
	Ticket   *machine.Ticket // of the gateway, to go on without a login; nil: none
	Later    bool            // nothing is asked before: a certificate serves, or the gateway asks itself
}

// resumed are the credentials of a run before this one, whose paths are given up: their
// keys are lost with it. nil: there was none.
func resumed(s *sdk.Session) (*credentials, error) {
	r := s.Resumed()
	if r == nil {
		return nil, nil
	}
	if _, err := s.Adopt(); err != nil {
		return nil, err
	}
	var c credentials
	if json.Unmarshal(r.Checkpoint, &c) != nil || c == (credentials{}) {
		return nil, nil
	}
	return &c, nil
}

// ask has the user fill in what the login needs; refused says why the last was no good.
func (o *options) ask(ctx context.Context, s *sdk.Session, refused string) (*credentials, error) {
	var fields []prompt.Field
	if o.auth == authEAP && o.eap.byCertificate() {
		return keep(s, &credentials{Later: true})
	}
	switch o.auth {
	case authCert, authAnyConnect:
		return keep(s, &credentials{Later: true})
	case authPSK:
		fields = append(fields, prompt.Field{Name: "psk", Label: "Pre-shared key", Kind: prompt.Password, Option: "psk", MayStore: true})
	default:
		fields = append(fields,
			prompt.Field{Name: "username", Label: "Username", Default: o.username, Option: "username", MayStore: true},
			prompt.Field{Name: "password", Label: "Password", Kind: prompt.Password, Option: "password", MayStore: true})
	}
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "Log in to " + o.host, Error: refused, Form: &prompt.Form{ID: "main", Fields: fields}})
	switch {
	case err != nil:
		return nil, err
	case answer.Cancelled:
		return nil, diag.New(diag.Cancelled, "the login was cancelled", "Nothing was sent to the gateway.")
	}
	c := &credentials{Username: answer.Values["username"], Password: answer.Values["password"], PSK: answer.Values["psk"]}
	if o.auth == authPSK && c.PSK == "" {
		return nil, diag.New(diag.Config, "there is no pre-shared key", "Give one with the option psk.").With("psk")
	}
	return keep(s, c)
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
func (o *options) tunnel(ctx context.Context, s *sdk.Session, c *credentials) (tunnel.Options, error) {
	t := tunnel.Options{
		Gateway: o.host, Port: o.port, TCP: o.tcp, MTU: o.mtu, Machine: o.machine,
		Trust: func(ctx context.Context, chain []*x509.Certificate, name string, id *ike.ID) error {
			return trust(ctx, s, chain, name, id)
		},
		Ask:    func(ctx context.Context, text string) (string, error) { return askMore(ctx, s, text) },
		Ticket: c.Ticket,
		Keep: func(ticket *machine.Ticket) {
			c.Ticket = ticket
			if _, err := keep(s, c); err != nil {
				s.Debug("The gateway's ticket is not kept: %v", err)
			}
		},
	}
	m := &t.Machine
	m.Identity = o.ownIdentity(c)
	switch o.auth {
	case authPSK:
		m.SharedKey = sharedKey(c.PSK)
		m.Auth = []machine.Auth{machine.SharedKey{Key: m.SharedKey}}
	case authCert:
		err := o.byCertificate(ctx, s, &t)
		return t, err
	case authAnyConnect:
		o.byAnyConnect(s, &t)
	default:
		err := o.byEAP(ctx, s, c, &t)
		return t, err
	}
	return t, nil
}

// byCertificate proves us by the user's certificate; we are its subject, unless the
// user says otherwise.
func (o *options) byCertificate(ctx context.Context, s *sdk.Session, t *tunnel.Options) error {
	c, err := s.ClientCertificate(ctx)
	if err != nil {
		return err
	}
	if c == nil {
		return diag.New(diag.Config, "there is no certificate to log in with", "Set the options usercert and userkey.").With("usercert")
	}
	if o.localID == nil {
		t.Machine.Identity = &ike.ID{Kind: ike.IDDN, Data: c.Chain[0].RawSubject}
	}
	proof := machine.Certificate{Public: c.Key.Public()}
	for _, cert := range c.Chain {
		proof.Chain = append(proof.Chain, cert.Raw)
	}
	t.Key, t.Machine.Auth = c.Key, []machine.Auth{proof}
	return nil
}

// ownIdentity is local-id, or else the user name, or else a name that means nothing.
func (o *options) ownIdentity(c *credentials) *ike.ID {
	if o.localID != nil {
		return o.localID
	}
	if id := identity(cmp.Or(c.Username, o.username), false); id != nil {
		return id
	}
	return &ike.ID{Kind: ike.IDFQDN, Data: []byte("penstock")}
}

// sharedKey reads 0x and hexadecimal digits as bytes.
func sharedKey(text string) []byte {
	if digits, isHex := strings.CutPrefix(text, "0x"); isHex {
		if b, err := hex.DecodeString(digits); err == nil {
			return b
		}
	}
	return []byte(text)
}

// askMore puts a gateway's own question, such as for a code.
func askMore(ctx context.Context, s *sdk.Session, text string) (string, error) {
	answer, err := s.Ask(ctx, prompt.Prompt{Title: "The gateway asks", Text: text, Form: &prompt.Form{ID: "challenge", Fields: []prompt.Field{
		{Name: "answer", Label: "Answer", Kind: prompt.OTP},
	}}})
	if err == nil && answer.Cancelled {
		err = diag.New(diag.Cancelled, "the login was cancelled", "The gateway's question was not answered.")
	}
	return answer.Values["answer"], err
}
