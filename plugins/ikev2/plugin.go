package main

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const pluginVersion = "0.1.0"

// plugin is the protocol; it holds nothing between sessions.
type plugin struct{}

// Describe says what the plugin is.
func (*plugin) Describe() sdk.Description {
	return sdk.Description{
		Name:      "ikev2",
		Version:   pluginVersion,
		Protocols: []sdk.Protocol{{Name: "ikev2", Label: "IKEv2/IPsec"}},
		Options:   schema(),
		Needs:     []string{sdk.NeedUDP, sdk.NeedTCP, sdk.NeedRaw, sdk.NeedESP, sdk.NeedClientCertificate},
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
	kept, err := tries.Kept[credentials](s)
	if err != nil {
		return err
	}
	until, cancel := s.UntilStop(ctx)
	defer cancel()
	if err := s.Phase(sdk.Authenticating); err != nil {
		return err
	}
	return tries.Login[credentials]{
		Kept: kept,
		Ask:  func(ctx context.Context, refused string) (*credentials, error) { return o.ask(ctx, s, refused) },
		Run:  func(c *credentials, again bool) error { return o.attempt(ctx, until, s, c, again) },
		// A refusal that names an option was of something else.
		Typed: func(d *diag.Diagnostic) (string, bool) { return d.Summary, d.Option == "" && o.asksPassword() },
	}.Do(ctx, until)
}

// attempt logs in with those credentials. What the login began ends with it.
func (o *options) attempt(ctx, until context.Context, s *sdk.Session, c *credentials, again bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t, err := o.tunnel(ctx, s, c)
	if err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	t.Again = again
	return tunnel.Run(ctx, until, tunnel.OnSession(s), t)
}
