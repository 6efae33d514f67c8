package main

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const pluginVersion = "0.1.0"

// plugin is the protocol; it holds nothing between sessions.
type plugin struct{}

// Describe says what the plugin is.
func (*plugin) Describe() sdk.Description {
	return sdk.Description{
		Name:      "pptp",
		Version:   pluginVersion,
		Protocols: []sdk.Protocol{{Name: "pptp", Label: "PPTP (insecure)"}},
		Options:   schema(),
		Needs:     []string{sdk.NeedTCP, sdk.NeedRaw, sdk.NeedClientCertificate},
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
// for again. A tunnel whose plugin has died is made anew: the gateway ends a call whose
// control connection is gone.
func (*plugin) Connect(ctx context.Context, s *sdk.Session) error {
	o, err := readOptions(s.Options())
	if err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	kept, err := tries.Kept[checkpoint](s)
	if err != nil {
		return err
	}
	until, cancel := s.UntilStop(ctx)
	defer cancel()
	if err := s.Phase(sdk.Authenticating); err != nil {
		return err
	}
	s.Warn("PPTP is insecure: who sees the login can find the password, and read and change everything after.")
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
