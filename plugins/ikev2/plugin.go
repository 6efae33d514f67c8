package main

import (
	"context"
	"errors"
	"time"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/tunnel"
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

// maxLogins is how often a person may try passwords.
const maxLogins = 3

// Connect runs one session: credentials, then the tunnel. A refused password is asked
// for again.
func (*plugin) Connect(ctx context.Context, s *sdk.Session) error {
	o, err := readOptions(s.Options())
	if err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	kept, err := resumed(s)
	if err != nil {
		return err
	}
	until, cancel := s.UntilStop(ctx)
	defer cancel()
	if err := s.Phase(sdk.Authenticating); err != nil {
		return err
	}
	refused, again := "", kept != nil
	for range maxLogins {
		began := time.Now()
		if kept == nil {
			if kept, err = o.ask(until, s, refused); err != nil {
				if until.Err() != nil && ctx.Err() == nil {
					return nil
				}
				return sdk.Fail(sdk.Never, err)
			}
		}
		err = o.attempt(ctx, until, s, kept, again)
		if !wrongPassword(err) || !o.asksPassword() || time.Since(began) > loginTime {
			return err
		}
		kept, refused = nil, diag.Of(err).Summary
	}
	return err
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

// loginTime is the most that a login takes; what is refused later was no password.
const loginTime = 2 * time.Minute

// wrongPassword: a refusal that names an option was of something else.
func wrongPassword(err error) bool {
	var f *sdk.Failure
	return errors.As(err, &f) && len(f.Diagnostics) > 0 && f.Diagnostics[0].Code == diag.AuthRefused && f.Diagnostics[0].Option == ""
}
