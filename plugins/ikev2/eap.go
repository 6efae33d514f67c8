package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// eapMethod is a method of EAP, by its name in the option eap-methods.
type eapMethod struct {
	name string
	// tunnel: the server shows a certificate in it, which is enough to know the gateway by.
	tunnel bool
	// make returns nil when the method cannot be used with what the user has.
	make func(e *eapLogin) eap.Method
}

// methodTLS is the one that wants neither name nor password.
const methodTLS = "tls"

var eapMethods = []eapMethod{
	{methodTLS, true, func(e *eapLogin) eap.Method {
		if e.tls.Certificate == nil {
			return nil
		}
		return eap.ByCertificate(e.ctx, e.tls)
	}},
	{"peap", true, func(e *eapLogin) eap.Method { return eap.PEAP(e.ctx, e.tls, e.inner(), rand.Reader) }},
	{"ttls", true, func(e *eapLogin) eap.Method {
		return eap.TTLS(e.ctx, e.tls, eap.PAP(e.Username, e.Password))
	}},
	{"ttls-mschapv2", true, func(e *eapLogin) eap.Method {
		return eap.TTLS(e.ctx, e.tls, eap.TunnelledMSCHAPv2(e.Username, e.Password, rand.Reader))
	}},
	{"ttls-eap", true, func(e *eapLogin) eap.Method { return eap.TTLS(e.ctx, e.tls, eap.TunnelledEAP(e.inner())) }},
	{"mschapv2", false, func(e *eapLogin) eap.Method { return eap.MSCHAPv2(e.Username, e.Password, rand.Reader) }},
	{"gtc", false, func(e *eapLogin) eap.Method { return eap.GTC(e.Password) }},
	{"md5", false, func(e *eapLogin) eap.Method { return eap.MD5(e.Password) }},
}

// eapSchema are the options of auth=eap.
func eapSchema() option.Schema {
	all := option.Schema{
		{Key: "eap-identity", Label: "EAP identity", Help: "Name to give when EAP asks for one; the user name when absent. With peap and ttls another one keeps the user name within the tunnel."},
		{Key: "eap-methods", Type: option.List, Label: "EAP methods", Help: "Ways to log in that are allowed, best first: tls, peap, ttls (with the password as it is), ttls-mschapv2, ttls-eap, mschapv2, gtc, md5.", Default: "tls,peap,ttls,mschapv2,gtc,md5"},
		{Key: "eap-server", Label: "EAP server", Help: "Name in the certificate of the server that tls, peap and ttls end at; the gateway's when absent."},
		{Key: "eap-only", Type: option.Bool, Label: "Gateway by EAP", Help: "Know the gateway by EAP alone, without a certificate of its own (RFC 5998); with tls, peap and ttls only.", Default: "false"},
	}
	for i := range all {
		all[i].Group, all[i].Advanced = groupLogin, true
	}
	return all
}

// eapOptions are those, read.
type eapOptions struct {
	identity, server string
	methods          []eapMethod
	only             bool
}

func readEAP(values map[string]string) (o eapOptions, err error) {
	o.identity, o.server, o.only = values["eap-identity"], values["eap-server"], settings.True(values["eap-only"])
	for _, name := range list(values["eap-methods"]) {
		i := slices.IndexFunc(eapMethods, func(m eapMethod) bool { return m.name == name })
		if i < 0 {
			var known []string
			for _, m := range eapMethods {
				known = append(known, m.name)
			}
			return o, diag.New(diag.Config, "the EAP method "+strconv.Quote(name)+" is unknown", "Known are "+strings.Join(known, ", ")+".").With("eap-methods")
		}
		if !o.only || eapMethods[i].tunnel {
			o.methods = append(o.methods, eapMethods[i])
		}
	}
	if o.only && len(o.methods) == 0 {
		return o, diag.New(diag.Config, "no EAP method is left", "With eap-only there must be tls, peap or ttls in eap-methods: the others do not prove the gateway.").With("eap-methods")
	}
	return o, nil
}

// byCertificate says that no name and no password is of use.
func (o eapOptions) byCertificate() bool {
	return len(o.methods) > 0 && !slices.ContainsFunc(o.methods, func(m eapMethod) bool { return m.name != methodTLS })
}

// eapLogin is what methods are made of.
type eapLogin struct {
	person
	ctx context.Context // ends with the login
	o   *options
	tls eap.TLS
}

// byEAP logs in by EAP. A method that wants the user's certificate is left out when there
// is none, unless it is the only one.
func (o *options) byEAP(ctx context.Context, s *sdk.Session, round int, who person) (machine.Auth, error) {
	e := &eapLogin{ctx: ctx, o: o, person: who, tls: eap.TLS{Verify: func(ctx context.Context, chain []*x509.Certificate) error {
		if o.eap.server != "" {
			return s.VerifyChain(ctx, chain, o.eap.server)
		}
		return trust(ctx, s, chain, o.host, o.remoteID)
	}}}
	name, id := cmp.Or(o.eap.identity, who.Username), o.identity(round, who.Username)
	if slices.ContainsFunc(o.eap.methods, func(m eapMethod) bool { return m.name == methodTLS }) {
		cert, err := s.ClientCertificate(ctx)
		switch {
		case err != nil:
			return nil, err
		case cert != nil:
			e.tls.Certificate = &tls.Certificate{PrivateKey: cert.Key, Leaf: cert.Chain[0]}
			for _, c := range cert.Chain {
				e.tls.Certificate.Certificate = append(e.tls.Certificate.Certificate, c.Raw)
			}
			name = cmp.Or(name, nameIn(cert.Chain[0]))
			if o.localIDs[round] == nil && who.Username == "" {
				id = &ike.ID{Kind: ike.IDDN, Data: cert.Chain[0].RawSubject}
			}
		case o.eap.byCertificate():
			return nil, noCertificate()
		}
	}
	return machine.EAP{Identity: id, Only: o.eap.only, Peer: func() *eap.Peer { return e.peer(name) }}, nil
}

func (e *eapLogin) peer(name string) *eap.Peer {
	var all []eap.Method
	for _, m := range e.o.eap.methods {
		if method := m.make(e); method != nil {
			all = append(all, method)
		}
	}
	return eap.NewPeer(name, all...)
}

// inner is EAP in a tunnel.
func (e *eapLogin) inner() *eap.Peer {
	return eap.NewPeer(e.Username, eap.MSCHAPv2(e.Username, e.Password, rand.Reader), eap.GTC(e.Password), eap.MD5(e.Password))
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
