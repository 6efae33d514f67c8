// Package anyconnect is AnyConnect-EAP, by which Cisco's gateways let people log in over
// IKEv2: documents of aggregate authentication in an expanded EAP method.
//
//	gateway: hello ─┬─> auth-request ─┬─> complete ─> EAP success
//	client:       init      auth-reply, or         ack
//	                ^       init again: another group, or with certificates and a signature
//
// The method makes no key: what it proves is bound to the IKE SA by AUTH payloads with
// that SA's own keys, and the gateway's certificate alone says who it is.
package anyconnect

import (
	"context"
	"crypto"
	"crypto/x509"

	"github.com/penstock-vpn/penstock/plugins/internal/aggregate"
	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// User is where questions and lines for people go; *sdk.Session is one.
type User interface {
	Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error)
	ClientCertificate(ctx context.Context) (*sdk.Certificate, error)
	Info(format string, args ...any)
	Warn(format string, args ...any)
}

// Config is what a login starts from.
type Config struct {
	Gateway  string // as the user named it
	Group    string // value or label of the group; "": the gateway's, or ask
	Entries  []aggregate.Entry
	Composer aggregate.Composer
	Scanner  bool                                // the user has named a host-scan program
	Chain    func() []*x509.Certificate          // the gateway's
	Trace    func(outgoing bool, message string) // nil: nobody looks
	User     User
}

// New makes the method for one login.
func New(c Config) eap.Method {
	c.Composer.Session = true
	return &method{c: c, answers: aggregate.Answers{Host: c.Gateway, Group: c.Group, Entries: c.Entries}}
}

type method struct {
	c       Config
	answers aggregate.Answers
	sign    func(crypto.Signer) ([]byte, error)

	vendorType uint32
	documents  int
	opaque     []byte // the gateway's, to be repeated
	banner     string
	certShown  bool
	certFailed bool // the gateway was told that there is none
	done       bool
}

// maxDocuments is how long a login may be.
const maxDocuments = 40

// Type implements eap.Method.
func (*method) Type() eap.Type { return eap.TypeExpanded }

// Key implements eap.Method.
func (*method) Key() []byte { return nil }

// Done implements eap.Method.
func (m *method) Done() bool { return m.done }

// Reason implements eap.Reasoned.
func (m *method) Reason() error { return m.answers.Reason() }

// Bind implements eap.Bound.
func (m *method) Bind(sign func(crypto.Signer) ([]byte, error)) { m.sign = sign }

// Handle implements eap.Method.
func (m *method) Handle(_ uint8, request []byte) ([]byte, error) {
	message, err := ParseMessage(request)
	if err != nil {
		return nil, err
	}
	m.vendorType = message.VendorType
	text := message.Part(XML)
	m.trace(false, text)
	d, err := aggregate.Parse(text, m.c.Composer.OS)
	if err != nil {
		return nil, err
	}
	if m.documents++; m.documents > maxDocuments {
		return nil, diag.New(diag.Protocol, "the gateway asks without end", "Ask its administrator.")
	}
	switch d.Type {
	case "hello":
		return m.init()
	case "auth-request":
		return nil, eap.Work(func(ctx context.Context) ([]byte, error) { return m.answer(ctx, d) })
	case "complete":
		return m.complete(d)
	}
	return nil, diag.Newf(diag.Protocol, "the gateway's message is of the type %q, which is none of a login", d.Type)
}

// trace shows a message without its secrets.
func (m *method) trace(outgoing bool, text []byte) {
	if m.c.Trace != nil {
		m.c.Trace(outgoing, aggregate.Redact(text))
	}
}

// say writes a response: a document, and what goes with it.
func (m *method) say(text []byte, before ...TLV) ([]byte, error) {
	m.trace(true, text)
	message := Message{VendorType: m.vendorType, Parts: append(before, TLV{XML, text})}
	return message.Append(nil)
}

// init begins, and begins again.
func (m *method) init(before ...TLV) ([]byte, error) {
	access := m.c.Group
	if access == "" {
		access = "https://" + m.c.Gateway + "/"
	}
	return m.say(m.c.Composer.Init(access, m.answers.Chosen(), m.opaque, m.certFailed), before...)
}

// complete takes the end of the dialogue.
func (m *method) complete(d *aggregate.Document) ([]byte, error) {
	if !d.Authenticated {
		return nil, d.Refused(m.certShown)
	}
	m.tell(d)
	m.done = true
	return m.say(m.c.Composer.Ack())
}

// tell shows a banner once.
func (m *method) tell(d *aggregate.Document) {
	if d.Form != nil && d.Form.Banner != "" && d.Form.Banner != m.banner {
		m.banner = d.Form.Banner
		m.c.User.Info("%s", m.banner)
	}
}
