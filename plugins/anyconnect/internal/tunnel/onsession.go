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

// Wrap makes a Conn of the sdk's transport.
func Wrap(t *sdk.Transport) Conn { return transport{t} }

type transport struct{ *sdk.Transport }

// CanExport asks for a value that nobody uses, so that the key itself stays in the host.
func (t transport) CanExport(ctx context.Context) bool {
	_, err := t.Export(ctx, "EXPERIMENTAL-penstock-probe", nil, 32)
	return err == nil
}

func (h sessionHost) OpenTLS(ctx context.Context, host string, port int, certificate bool) (Conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t, err := h.Session.OpenTLS(ctx, host, port, sdk.TLSOptions{ClientCertificate: certificate})
	if err != nil {
		return nil, err
	}
	return transport{t}, nil
}

// Facts of the handshake with a key taken from TLS.
const (
	pskIdentity = "psk"
	pskLabel    = "EXPORTER-openconnect-psk"
)

func (h sessionHost) OpenDTLS(ctx context.Context, host string, port int, key Key) (Conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	o := sdk.DTLSOptions{SessionID: key.SessionID, MasterSecret: key.MasterSecret, CipherSuites: key.Suites, Timeout: key.Timeout}
	if key.From != nil {
		from, ok := key.From.(transport)
		if !ok {
			return nil, errForeign
		}
		o.PSK = &sdk.PSK{Identity: pskIdentity, ExporterOf: from.Transport, ExporterName: pskLabel}
	}
	t, err := h.Session.OpenDTLS(ctx, host, port, o)
	if err != nil {
		return nil, err
	}
	return transport{t}, nil
}

var errForeign = errors.New("the connection is of another host")

func (h sessionHost) Adopt(ids ...uint32) ([]Path, error) {
	adopted, err := h.Session.Adopt(ids...)
	paths := make([]Path, len(adopted))
	for i, p := range adopted {
		paths[i] = p
	}
	return paths, err
}

func (h sessionHost) Attach(ctx context.Context, c Conn, over []byte, f framing.Spec, preference int, replaces Path) (Path, error) {
	t, ok := c.(transport)
	if !ok {
		return nil, errForeign
	}
	o := sdk.AttachOptions{Preference: preference}
	if old, isPath := replaces.(*sdk.Path); isPath {
		o.Replaces = old
	}
	p, err := h.Session.Attach(ctx, t.Transport, over, f, o)
	if err != nil {
		return nil, err
	}
	return p, nil
}
