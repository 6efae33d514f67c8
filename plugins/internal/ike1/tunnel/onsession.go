package tunnel

import (
	"context"

	"github.com/penstock-vpn/penstock/sdk"
)

// OnSession makes a Host of the sdk's session.
func OnSession(s *sdk.Session) Host { return sessionHost{s} }

type sessionHost struct{ *sdk.Session }

func (h sessionHost) OpenUDP(ctx context.Context, host string, port int) (Conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t, err := h.Session.OpenUDP(ctx, host, port)
	if err != nil {
		return nil, err
	}
	return t, nil
}
