// Package eaplogin is how people log in by EAP: the methods that an option names, and the
// peer that is made of them, a person, and the user's certificate.
package eaplogin

import (
	"crypto/rand"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Key is the option that names the methods.
const Key = "eap-methods"

// Methods are methods of EAP, best first.
type Methods []method

type method struct {
	name string
	// proves: the server shows a certificate in it, which is enough to know the gateway by.
	proves bool
	// make returns nil when the method cannot be used with what the user has.
	make func(l *Login) eap.Method
}

// methodTLS is the one that wants neither name nor password.
const methodTLS = "tls"

var known = Methods{
	{methodTLS, true, func(l *Login) eap.Method {
		if l.tls.Certificate == nil {
			return nil
		}
		return eap.ByCertificate(l.ctx, l.tls)
	}},
	{"peap", true, func(l *Login) eap.Method { return eap.PEAP(l.ctx, l.tls, l.inner(), rand.Reader) }},
	{"ttls", true, func(l *Login) eap.Method {
		return eap.TTLS(l.ctx, l.tls, eap.PAP(l.who.Username, l.who.Password))
	}},
	{"ttls-mschapv2", true, func(l *Login) eap.Method {
		return eap.TTLS(l.ctx, l.tls, eap.TunnelledMSCHAPv2(l.who.Username, l.who.Password, rand.Reader))
	}},
	{"ttls-eap", true, func(l *Login) eap.Method { return eap.TTLS(l.ctx, l.tls, eap.TunnelledEAP(l.inner())) }},
	{"mschapv2", false, func(l *Login) eap.Method { return eap.MSCHAPv2(l.who.Username, l.who.Password, rand.Reader) }},
	{"gtc", false, func(l *Login) eap.Method { return eap.GTC(l.who.Password) }},
	{"md5", false, func(l *Login) eap.Method { return eap.MD5(l.who.Username, l.who.Password) }},
}

// Names are the names of all methods, for a help.
func Names() string { return known.String() }

// String is their names.
func (m Methods) String() string {
	var all []string
	for _, method := range m {
		all = append(all, method.name)
	}
	return strings.Join(all, ", ")
}

// Read reads the option's value.
func Read(value string) (m Methods, err error) {
	for _, name := range settings.List(value) {
		i := slices.IndexFunc(known, func(m method) bool { return m.name == name })
		if i < 0 {
			return nil, diag.New(diag.Config, "the EAP method "+strconv.Quote(name)+" is unknown", "Known are "+Names()+".").With(Key)
		}
		m = append(m, known[i])
	}
	return m, nil
}

// Proving are those that prove the gateway by a certificate.
func (m Methods) Proving() Methods {
	return slices.DeleteFunc(slices.Clone(m), func(m method) bool { return !m.proves })
}

// ByCertificate says that no name and no password is of use.
func (m Methods) ByCertificate() bool {
	return len(m) > 0 && !slices.ContainsFunc(m, func(m method) bool { return m.name != methodTLS })
}

// wantCertificate says that a certificate is of use.
func (m Methods) wantCertificate() bool {
	return slices.ContainsFunc(m, func(m method) bool { return m.name == methodTLS })
}
