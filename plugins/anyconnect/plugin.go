package main

import (
	"context"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// pluginVersion is told to the gateway too.
const pluginVersion = "0.1.0"

// defaultPort is the gateway's, where its address has none.
const defaultPort = 443

// plugin is the protocol; it holds nothing between sessions.
type plugin struct{}

// Describe says what the plugin is.
func (*plugin) Describe() sdk.Description {
	return sdk.Description{
		Name:      "anyconnect",
		Version:   pluginVersion,
		Protocols: []sdk.Protocol{{Name: "anyconnect", Label: "Cisco AnyConnect", TLSPort: defaultPort}},
		Options:   schema(),
		Needs:     []string{sdk.NeedTLS, sdk.NeedDTLS, sdk.NeedClientCertificate},
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
func (*plugin) Connect(ctx context.Context, s *sdk.Session) error {
	o, err := readOptions(s.Options())
	if err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	if r := s.Resumed(); r != nil {
		used, err := tunnel.Resume(ctx, tunnel.OnSession(s), o.tunnel(s), r)
		if used || err != nil {
			return err
		}
	}
	return o.fresh(ctx, s)
}

// fresh logs in first, or takes the cookie of a login. A Stop ends that without an error.
func (o *options) fresh(ctx context.Context, s *sdk.Session) error {
	if err := s.Phase(sdk.Authenticating); err != nil {
		return err
	}
	until, cancel := s.UntilStop(ctx)
	defer cancel()
	login := o.login
	if s.Stored(cookieOption) {
		login = o.takeCookie
	}
	in, err := login(until, s)
	if err == nil {
		err = in.share(until, s)
	}
	if err != nil {
		if until.Err() != nil && ctx.Err() == nil {
			return nil
		}
		return sdk.Fail(sdk.Never, err)
	}
	return tunnel.Run(ctx, tunnel.OnSession(s), o.tunnel(s), in.result, in.keys, in.kept)
}
