package ppplogin

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/internal/eaplogin"
	"github.com/penstock-vpn/penstock/plugins/internal/pppcall"
	"github.com/penstock-vpn/penstock/sdk"
)

// Call are the options of a call for somebody with those credentials, but for MTU and DPD.
// keep leaves them with the host for a later run, when the password has been changed.
func (o *Options) Call(ctx context.Context, s *sdk.Session, c *Credentials, keep func() error) (pppcall.Options, error) {
	machine, err := o.config(ctx, s, *c)
	return pppcall.Options{
		PPP: machine, Trace: s.Trace(),
		Ask: func(ctx context.Context, text string) (string, error) { return eaplogin.Question(ctx, s, text) },
		NewPassword: func(ctx context.Context, text string) (string, error) {
			password, err := newPassword(ctx, s, text)
			if err == nil {
				c.Password = password
				err = keep()
			}
			return password, err
		},
	}, err
}
