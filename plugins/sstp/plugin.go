package main

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const (
	pluginVersion = "0.1.0"
	defaultPort   = 443
)

// plugin is the protocol; it holds nothing between sessions.
type plugin struct{}

// Describe says what the plugin is.
func (*plugin) Describe() sdk.Description {
	return sdk.Description{
		Name:      "sstp",
		Version:   pluginVersion,
		Protocols: []sdk.Protocol{{Name: "sstp", Label: "SSTP", TLSPort: defaultPort}},
		Options:   schema(),
		Needs:     []string{sdk.NeedTLS, sdk.NeedClientCertificate},
	}
}

// Validate checks what the schema cannot.
func (*plugin) Validate(values map[string]string) []diag.Diagnostic {
	if _, err := readOptions(values); err != nil {
		return []diag.Diagnostic{*diag.Of(err)}
	}
	return nil
}

// Connect runs one session: credentials, then the tunnel. A refused password is asked
// for again.
func (*plugin) Connect(ctx context.Context, s *sdk.Session) error {
	o, err := readOptions(s.Options())
	if err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	kept, path, err := resumed(s)
	if err != nil {
		return err
	}
	if path != nil {
		t, err := o.tunnel(ctx, s, kept)
		if err != nil {
			return sdk.Fail(sdk.Never, err)
		}
		return tunnel.Resume(ctx, s, path, *kept.Tunnel, t)
	}
	until, cancel := s.UntilStop(ctx)
	defer cancel()
	if err := s.Phase(sdk.Authenticating); err != nil {
		return err
	}
	return tries.Login[checkpoint]{
		Kept: kept,
		Ask:  func(ctx context.Context, refused string) (*checkpoint, error) { return o.ask(ctx, s, refused) },
		Run: func(c *checkpoint, again bool) error {
			t, err := o.tunnel(ctx, s, c)
			if err != nil {
				return sdk.Fail(sdk.Never, err)
			}
			t.Again = again
			return tunnel.Run(ctx, until, s, t)
		},
		Typed: func(d *diag.Diagnostic) (string, bool) { return d.Detail, !o.login.ByCertificate() },
	}.Do(ctx, until)
}
