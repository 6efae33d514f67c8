package ppplogin

import (
	"cmp"
	"context"
	"crypto/x509"
	"slices"

	"github.com/penstock-vpn/penstock/plugins/internal/eaplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/sdk"
)

// config is what the machine of PPP is made of for somebody with those credentials. The
// certificates that EAP meets are the host's to judge, until ctx ends.
func (o *Options) config(ctx context.Context, s *sdk.Session, c Credentials) (ppp.Config, error) {
	m := ppp.Config{Username: c.Username, Password: c.Password, Methods: o.methods, Allow: allow()}
	if !slices.Contains(o.methods, ppp.EAP) {
		return m, nil
	}
	l, err := eaplogin.New(ctx, s, o.eap, eaplogin.Person{Username: c.Username, Password: c.Password, Identity: o.identity},
		func(ctx context.Context, chain []*x509.Certificate) error {
			return s.VerifyChain(ctx, chain, cmp.Or(o.server, o.gateway))
		})
	if err != nil {
		return m, err
	}
	m.EAP = l.Peer
	return m, nil
}
