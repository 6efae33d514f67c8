package main

import (
	"context"
	"crypto/x509"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/plugins/internal/eaplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ikelogin"
	"github.com/penstock-vpn/penstock/plugins/internal/settings"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// eapSchema are the options of auth=eap.
func eapSchema() option.Schema {
	all := option.Schema{
		{Key: "eap-identity", Label: "EAP identity", Help: "Name to give when EAP asks for one; the user name when absent. With peap and ttls another one keeps the user name within the tunnel."},
		{Key: eaplogin.Key, Type: option.List, Label: "EAP methods", Help: "Ways to log in that are allowed, best first: " + eaplogin.Names() + ". With ttls alone the password goes within as it is.", Default: "tls,peap,ttls,mschapv2,gtc,md5"},
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
	methods          eaplogin.Methods
	only             bool
}

func readEAP(values map[string]string) (o eapOptions, err error) {
	o.identity, o.server, o.only = values["eap-identity"], values["eap-server"], settings.True(values["eap-only"])
	if o.methods, err = eaplogin.Read(values[eaplogin.Key]); err != nil || !o.only {
		return o, err
	}
	if o.methods = o.methods.Proving(); len(o.methods) == 0 {
		return o, diag.New(diag.Config, "no EAP method is left", "With eap-only there must be tls, peap or ttls in eap-methods: the others do not prove the gateway.").With(eaplogin.Key)
	}
	return o, nil
}

// byEAP logs in by EAP.
func (o *options) byEAP(ctx context.Context, s *sdk.Session, round int, who person) (machine.Auth, error) {
	l, err := eaplogin.New(ctx, s, o.eap.methods, eaplogin.Person{Username: who.Username, Password: who.Password, Identity: o.eap.identity},
		func(ctx context.Context, chain []*x509.Certificate) error {
			if o.eap.server != "" {
				return s.VerifyChain(ctx, chain, o.eap.server)
			}
			return ikelogin.Trust(ctx, s, chain, o.host, o.remoteID)
		})
	if err != nil {
		return nil, err
	}
	id := o.identity(round, who.Username)
	if c := l.Certificate(); c != nil && o.localIDs[round] == nil && who.Username == "" {
		id = &ike.ID{Kind: ike.IDDN, Data: c.RawSubject}
	}
	return machine.EAP{Identity: id, Only: o.eap.only, Peer: l.Peer}, nil
}
