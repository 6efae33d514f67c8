package tunnel

import (
	"context"
	"errors"
	"net"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// OnSession makes a Host of the sdk's session.
func OnSession(s *sdk.Session) Host { return sessionHost{s} }

type sessionHost struct{ *sdk.Session }

func (h sessionHost) OpenTCP(ctx context.Context, host string, port int) (net.Conn, error) {
	t, err := h.Session.OpenTCP(ctx, host, port)
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (h sessionHost) OpenGRE(ctx context.Context, host string) (Conn, error) {
	t, err := h.Session.OpenRaw(ctx, host, sdk.ProtocolGRE)
	if err != nil {
		return nil, err
	}
	return t, nil
}

var errForeign = errors.New("the connection is of another host")

func (h sessionHost) Attach(ctx context.Context, c Conn, f framing.Spec, g sdk.GRE) (Path, error) {
	t, ok := c.(*sdk.Transport)
	if !ok {
		return nil, errForeign
	}
	p, err := h.Session.Attach(ctx, t, nil, f, sdk.AttachOptions{GRE: &g})
	if err != nil {
		return nil, err
	}
	return p, nil
}
