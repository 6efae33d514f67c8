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

func (h sessionHost) OpenTCP(ctx context.Context, host string, port int) (Conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t, err := h.Session.OpenTCP(ctx, host, port)
	if err != nil {
		return nil, err
	}
	return &stream{byteStream: t}, nil
}

func (h sessionHost) OpenESP(ctx context.Context, host string) (Conn, error) {
	t, err := h.Session.OpenRaw(ctx, host, sdk.ProtocolESP)
	if err != nil {
		return nil, err
	}
	return t, nil
}

var errForeign = errors.New("the connection is of another host")

func (h sessionHost) Attach(ctx context.Context, c Conn, esp *sdk.ESP, rules framing.Rules, replaces Path) (Path, error) {
	var over []byte
	if s, isStream := c.(*stream); isStream {
		over = s.over()
		c = s.byteStream
	}
	t, ok := c.(*sdk.Transport)
	if !ok {
		return nil, errForeign
	}
	o := sdk.AttachOptions{ESP: esp}
	if old, isPath := replaces.(*sdk.Path); isPath {
		o.Replaces = old
	}
	p, err := h.Session.Attach(ctx, t, over, framing.Spec{MaxPayload: framing.MaxFrame, Rules: rules}, o)
	if err != nil {
		return nil, err
	}
	return p, nil
}
