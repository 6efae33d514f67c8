package main

import (
	"context"
	"encoding/json"

	"github.com/penstock-vpn/penstock/plugins/internal/ppplogin"
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
)

// checkpoint is what outlives the plugin. It holds secrets.
type checkpoint struct{ Credentials ppplogin.Credentials }

// resumed is what a run before this one left; nil: nothing.
func resumed(s *sdk.Session) (*checkpoint, error) {
	r := s.Resumed()
	if r == nil {
		return nil, nil
	}
	if _, err := s.Adopt(); err != nil {
		return nil, err
	}
	c := &checkpoint{}
	if len(r.Checkpoint) == 0 || json.Unmarshal(r.Checkpoint, c) != nil {
		return nil, nil
	}
	return c, nil
}

// keep leaves c with the host for a run after this one.
func (c *checkpoint) keep(s *sdk.Session) error {
	kept, err := json.Marshal(c)
	if err != nil {
		return err
	}
	return s.Checkpoint(kept)
}

// ask has the user fill in what the login needs before the call: a gateway does not wait
// while somebody types.
func (o *options) ask(ctx context.Context, s *sdk.Session, refused string) (*checkpoint, error) {
	given, err := o.login.Ask(ctx, s, refused)
	if err != nil {
		return nil, err
	}
	c := &checkpoint{Credentials: given}
	return c, c.keep(s)
}

// tunnel are the options of a tunnel with those credentials.
func (o *options) tunnel(ctx context.Context, s *sdk.Session, c *checkpoint) (tunnel.Options, error) {
	call, err := o.login.Call(ctx, s, &c.Credentials, func() error { return c.keep(s) })
	call.MTU, call.DPD, call.PPP.MPPE = o.mtu, o.dpd, &o.mppe
	return tunnel.Options{Options: call, Host: o.gateway.Hostname(), Port: o.port}, err
}
