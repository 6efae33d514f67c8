package main

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/internal/ppplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
)

// checkpoint is what outlives the plugin. It holds secrets.
type checkpoint struct {
	Credentials ppplogin.Credentials
	Tunnel      *tunnel.Kept `json:",omitempty"` // that they opened; nil: none
}

// resumed is what a run before this one left, with the path of its tunnel if that is still
// there. nil: there was none.
func resumed(s *sdk.Session) (*checkpoint, *sdk.Path, error) {
	r := s.Resumed()
	if r == nil {
		return nil, nil, nil
	}
	c := tries.Read[checkpoint](r.Checkpoint)
	var adopt []uint32
	for _, p := range r.Installed {
		if c != nil && c.Tunnel != nil && c.Tunnel.Path == p.ID {
			adopt = append(adopt, p.ID)
		}
	}
	paths, err := s.Adopt(adopt...)
	if err != nil || len(paths) == 0 {
		return c, nil, err
	}
	return c, paths[0], nil
}

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
	call.MTU, call.DPD, call.PPP.IPv6 = o.mtu, o.dpd, !o.noIPv6
	return tunnel.Options{
		Options: call, Gateway: o.gateway,
		Keep: func(k tunnel.Kept) error {
			c.Tunnel = &k
			return tries.Keep(s, c)
		},
	}, err
}
