package main

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/internal/ppplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
)

// checkpoint is what outlives the plugin. It holds secrets.
type checkpoint struct{ Credentials ppplogin.Credentials }

// ask has the user fill in what the login needs before the call: a gateway does not wait
// while somebody types.
func (o *options) ask(ctx context.Context, s *sdk.Session, refused string) (*checkpoint, error) {
	given, err := o.login.Ask(ctx, s, refused)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{Credentials: given}
	return c, tries.Keep(s, c)
}

// tunnel are the options of a tunnel with those credentials.
func (o *options) tunnel(ctx context.Context, s *sdk.Session, c *checkpoint) (tunnel.Options, error) {
	call, err := o.login.Call(ctx, s, &c.Credentials, func() error { return tries.Keep(s, c) })
	call.MTU, call.DPD, call.PPP.MPPE = o.mtu, o.dpd, &o.mppe
	return tunnel.Options{Options: call, Host: o.gateway.Hostname(), Port: o.port}, err
}
