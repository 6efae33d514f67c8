package main

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const pluginVersion = "0.1.0"

// defaultPort is the portal's, where its address has none.
const defaultPort = 443

// plugin is the protocol; it holds nothing between sessions.
type plugin struct {
	pace tunnel.Pace // tests are in a hurry
}

// Describe says what the plugin is.
func (*plugin) Describe() sdk.Description {
	return sdk.Description{
		Name:    "globalprotect",
		Version: pluginVersion,
		Protocols: []sdk.Protocol{
			{Name: "globalprotect", Label: "Palo Alto Networks GlobalProtect", TLSPort: defaultPort},
			{Name: "gp", Label: "GlobalProtect, by OpenConnect's name", TLSPort: defaultPort},
		},
		Options: schema(),
		Needs:   []string{sdk.NeedTLS, sdk.NeedUDP, sdk.NeedESP, sdk.NeedClientCertificate},
	}
}

// Validate checks what the schema cannot.
func (*plugin) Validate(values map[string]string) []diag.Diagnostic {
	if _, err := readOptions(values); err != nil {
		return []diag.Diagnostic{*diag.Of(err)}
	}
	return nil
}

// Connect runs one session: log in, then the tunnel; or, resumed, the tunnel alone.
func (p *plugin) Connect(ctx context.Context, s *sdk.Session) error {
	o, err := readOptions(s.Options())
	if err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	t := o.tunnel(s)
	t.Pace = p.pace
	if r := s.Resumed(); r != nil {
		used, err := tunnel.Resume(ctx, s, t, r)
		if used || err != nil {
			return err
		}
	}
	if err := s.Phase(sdk.Authenticating); err != nil {
		return err
	}
	until, cancel := s.UntilStop(ctx)
	defer cancel()
	session, err := o.login(until, s)
	if err == nil {
		err = s.LoggedIn(until, session.Cookie.Encode(), session.Gateway)
	}
	if err != nil {
		if until.Err() != nil && ctx.Err() == nil {
			return nil
		}
		return sdk.Fail(sdk.Never, err)
	}
	return tunnel.Run(ctx, s, t, *session)
}
