package eaplogin

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Person is who logs in. Identity is what is said in the clear; the user name when empty.
type Person struct{ Username, Password, Identity string }

// Login makes peers of EAP, one for each time that the gateway asks.
type Login struct {
	ctx     context.Context // ends with the session
	methods Methods
	who     Person
	tls     eap.TLS
}

// New is the login of a person, with the user's certificate if a method wants one and there
// is one; it is an error only when nothing else serves. verify judges the certificates of
// the servers that methods meet.
func New(ctx context.Context, s *sdk.Session, m Methods, who Person, verify func(context.Context, []*x509.Certificate) error) (*Login, error) {
	l := &Login{ctx: ctx, methods: m, who: who, tls: eap.TLS{Verify: verify}}
	if !m.wantCertificate() {
		return l, nil
	}
	c, err := s.ClientCertificate(ctx)
	switch {
	case err != nil:
		return nil, err
	case c == nil && m.ByCertificate():
		return nil, diag.New(diag.Config, "there is no certificate to log in with", "Set the options usercert and userkey.").With("usercert")
	case c == nil:
		return l, nil
	}
	l.tls.Certificate = &tls.Certificate{PrivateKey: c.Key, Leaf: c.Chain[0]}
	for _, c := range c.Chain {
		l.tls.Certificate.Certificate = append(l.tls.Certificate.Certificate, c.Raw)
	}
	return l, nil
}

// Certificate is the user's; nil: there is none, or none is of use.
func (l *Login) Certificate() *x509.Certificate {
	if l.tls.Certificate == nil {
		return nil
	}
	return l.tls.Certificate.Leaf
}

// Peer is a peer of the methods that can be used with what the user has.
func (l *Login) Peer() *eap.Peer {
	name := cmp.Or(l.who.Identity, l.who.Username)
	if c := l.Certificate(); c != nil {
		name = cmp.Or(name, nameIn(c))
	}
	var all []eap.Method
	for _, m := range l.methods {
		if method := m.make(l); method != nil {
			all = append(all, method)
		}
	}
	return eap.NewPeer(name, all...)
}

// inner is EAP in a tunnel.
func (l *Login) inner() *eap.Peer {
	w := l.who
	return eap.NewPeer(w.Username, eap.MSCHAPv2(w.Username, w.Password, rand.Reader), eap.GTC(w.Password), eap.MD5(w.Username, w.Password))
}

// nameIn is who a certificate is for, in a word.
func nameIn(c *x509.Certificate) string {
	for _, names := range [][]string{c.EmailAddresses, c.DNSNames} {
		if len(names) > 0 {
			return names[0]
		}
	}
	return c.Subject.CommonName
}
