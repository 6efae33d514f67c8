package ppplogin

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"slices"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// person is who logs in by EAP.
type person struct {
	ctx                context.Context // ends with the session
	username, password string
	tls                eap.TLS
}

var eapMethods = []eapMethod{
	{methodTLS, func(p *person) eap.Method {
		if p.tls.Certificate == nil {
			return nil
		}
		return eap.ByCertificate(p.ctx, p.tls)
	}},
	{"peap", func(p *person) eap.Method { return eap.PEAP(p.ctx, p.tls, p.inner(), rand.Reader) }},
	{"ttls", func(p *person) eap.Method { return eap.TTLS(p.ctx, p.tls, eap.PAP(p.username, p.password)) }},
	{"ttls-mschapv2", func(p *person) eap.Method {
		return eap.TTLS(p.ctx, p.tls, eap.TunnelledMSCHAPv2(p.username, p.password, rand.Reader))
	}},
	{"ttls-eap", func(p *person) eap.Method { return eap.TTLS(p.ctx, p.tls, eap.TunnelledEAP(p.inner())) }},
	{"mschapv2", func(p *person) eap.Method { return eap.MSCHAPv2(p.username, p.password, rand.Reader) }},
	{"gtc", func(p *person) eap.Method { return eap.GTC(p.password) }},
	{"md5", func(p *person) eap.Method { return ppp.EAPMD5(p.username, p.password) }},
}

// inner is EAP in a tunnel.
func (p *person) inner() *eap.Peer {
	return eap.NewPeer(p.username, eap.MSCHAPv2(p.username, p.password, rand.Reader), eap.GTC(p.password), ppp.EAPMD5(p.username, p.password))
}

// certificate is the user's, if a method wants it; nil: there is none.
func (o *Options) certificate(ctx context.Context, s *sdk.Session) (*tls.Certificate, error) {
	wanted := slices.Contains(o.methods, ppp.EAP) && slices.ContainsFunc(o.eap, func(m eapMethod) bool { return m.name == methodTLS })
	if !wanted {
		return nil, nil
	}
	cert, err := s.ClientCertificate(ctx)
	switch {
	case err != nil:
		return nil, err
	case cert == nil && o.ByCertificate():
		return nil, diag.New(diag.Config, "there is no certificate to log in with", "Set the options usercert and userkey.").With("usercert")
	case cert == nil:
		return nil, nil
	}
	own := &tls.Certificate{PrivateKey: cert.Key, Leaf: cert.Chain[0]}
	for _, c := range cert.Chain {
		own.Certificate = append(own.Certificate, c.Raw)
	}
	return own, nil
}

// config is what the machine of PPP is made of for somebody with those credentials. The
// certificates that EAP meets are the host's to judge, until ctx ends.
func (o *Options) config(ctx context.Context, s *sdk.Session, c Credentials) (ppp.Config, error) {
	own, err := o.certificate(ctx, s)
	if err != nil {
		return ppp.Config{}, err
	}
	name := cmp.Or(o.identity, c.Username)
	if own != nil {
		name = cmp.Or(name, nameIn(own.Leaf))
	}
	p := &person{ctx: ctx, username: c.Username, password: c.Password, tls: eap.TLS{
		Certificate: own,
		Verify: func(ctx context.Context, chain []*x509.Certificate) error {
			return s.VerifyChain(ctx, chain, cmp.Or(o.server, o.gateway))
		},
	}}
	return ppp.Config{
		Username: c.Username, Password: c.Password, Methods: o.methods, Allow: allow(),
		EAP: func() *eap.Peer { return o.peer(p, name) },
	}, nil
}

func (o *Options) peer(p *person, name string) *eap.Peer {
	var all []eap.Method
	for _, m := range o.eap {
		if method := m.make(p); method != nil {
			all = append(all, method)
		}
	}
	return eap.NewPeer(name, all...)
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
