package tunnel

import (
	"context"
	"errors"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// OnSession makes a Host of the sdk's session.
func OnSession(s *sdk.Session) Host { return sessionHost{s} }

type sessionHost struct{ *sdk.Session }

func (h sessionHost) OpenTLS(ctx context.Context, host string, port int) (Conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t, err := h.Session.OpenTLS(ctx, host, port, sdk.TLSOptions{ClientCertificate: true})
	if err != nil {
		return nil, err
	}
	return t, nil
}

var errForeign = errors.New("the connection is of another host")

func (h sessionHost) Attach(ctx context.Context, c Conn, over []byte, f framing.Spec) (Path, error) {
	t, ok := c.(*sdk.Transport)
	if !ok {
		return nil, errForeign
	}
	p, err := h.Session.Attach(ctx, t, over, f, sdk.AttachOptions{})
	if err != nil {
		return nil, err
	}
	return p, nil
}
