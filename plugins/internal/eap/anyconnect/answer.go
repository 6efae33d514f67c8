package anyconnect

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// answer does what an auth-request asks for.
func (m *method) answer(ctx context.Context, d *aggregate.Document) ([]byte, error) {
	if d.Opaque != nil {
		m.opaque = d.Opaque
	}
	m.tell(d)
	switch {
	case d.CertRequest && !d.CertAccepted:
		return m.certificate(ctx)
	case d.Certificates:
		return nil, diag.New(diag.AuthRefused, "the gateway wants two client certificates in one login", "This is not supported.")
	}
	if err := m.scan(ctx, d.Scan); err != nil {
		return nil, err
	}
	switch {
	case d.Form != nil && len(d.Form.Inputs) > 0:
		return m.form(ctx, d)
	case d.Form != nil && d.Form.JustPost, d.Scan.Token != "" && d.ErrorText == "":
		return m.say(m.c.Composer.Reply(nil, m.opaque, d.Scan.Token))
	}
	return nil, d.Refused(m.certShown)
}

// form fills in a form; with another group than it is for, the dialogue begins again.
func (m *method) form(ctx context.Context, d *aggregate.Document) ([]byte, error) {
	if d.Form.SSOInput() != nil {
		return nil, diag.New(diag.AuthRefused, "the gateway wants a login in the browser", "Over IKEv2 this is not supported; try the protocol anyconnect.")
	}
	again, err := m.chooseGroup(ctx, d.Form)
	if err != nil {
		return nil, err
	}
	if again {
		return m.init()
	}
	refusal, err := m.answers.Refusal(d)
	if err != nil {
		return nil, err
	}
	if p := m.answers.Questions(d.Form, refusal); p != nil {
		answer, err := m.c.User.Ask(ctx, *p)
		if err != nil {
			return nil, err
		}
		if err := m.answers.Take(d.Form, p, answer); err != nil {
			return nil, err
		}
	}
	return m.say(m.c.Composer.Reply(d.Form, m.opaque, d.Scan.Token))
}

func (m *method) chooseGroup(ctx context.Context, f *aggregate.Form) (again bool, err error) {
	again, ask, err := m.answers.ChooseGroup(f)
	if err != nil || ask == nil {
		return again, err
	}
	answer, err := m.c.User.Ask(ctx, *ask)
	if err != nil {
		return false, err
	}
	return m.answers.TakeGroup(f, ask, answer)
}

// certificate begins again with the user's certificate and the signature of our side of
// the IKE SA; where there is none the gateway is told so, once.
func (m *method) certificate(ctx context.Context) ([]byte, error) {
	if m.certShown || m.certFailed {
		return nil, aggregate.CertificateRefused(m.certShown)
	}
	c, err := m.c.User.ClientCertificate(ctx)
	if err != nil {
		return nil, err
	}
	if c == nil {
		m.certFailed = true
		m.c.User.Info("The gateway asks for a client certificate and none is configured; trying without.")
		return m.init()
	}
	m.certShown = true
	chain, err := AppendChain(nil, c.Chain)
	if err != nil {
		return nil, err
	}
	signature, err := m.sign(c.Key)
	if err != nil {
		return nil, diag.New(diag.Config, "the certificate cannot be used with this gateway", err.Error()).With("usercert")
	}
	return m.init(TLV{Certificates, chain}, TLV{Signature, signature})
}

// scan has the host run the user's program, which speaks with the gateway over HTTPS,
// before the gateway's token goes back to it.
func (m *method) scan(ctx context.Context, s aggregate.HostScan) error {
	if s.Token == "" {
		return nil
	}
	if !m.c.Scanner {
		m.c.User.Warn("The gateway wants this computer checked (host scan), and no program is named for that; see the option csd-wrapper. It may refuse the login.")
		return nil
	}
	m.c.User.Info("The gateway wants this computer checked; running the host-scan program.")
	answer, err := m.c.User.Ask(ctx, s.Program(m.c.Gateway, m.answers.Chosen(), m.c.Chain()))
	if err != nil {
		return err
	}
	warning, err := aggregate.Scanned(answer)
	if warning != "" {
		m.c.User.Warn("%s", warning)
	}
	return err
}
