package main

import (
	"context"

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
		Name:      "ciscoipsec",
		Version:   pluginVersion,
		Protocols: []sdk.Protocol{{Name: "cisco-ipsec", Label: "Cisco IPsec (IKEv1, XAUTH)"}},
		Options:   schema(),
		Needs:     []string{sdk.NeedUDP, sdk.NeedESP, sdk.NeedClientCertificate},
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
	if weak, option := o.machine.Weak(); weak != "" {
		s.Warn("The option %s offers %s, which is weak: who listens may break it.", option, weak)
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
		// A refusal that names an option is of what stands there.
		Typed: func(d *diag.Diagnostic) (string, bool) { return d.Detail, d.Option == "" && o.machine.XAuth },
	}.Do(ctx, until)
}
