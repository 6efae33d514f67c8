package main

import (
	"context"
	"errors"
	"time"

	"github.com/penstock-vpn/penstock/plugins/l2tp/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const pluginVersion = "0.1.0"

// plugin is the protocol; it holds nothing between sessions.
type plugin struct{}

// Describe says what the plugin is.
func (*plugin) Describe() sdk.Description {
	return sdk.Description{
		Name:      "l2tp",
		Version:   pluginVersion,
		Protocols: []sdk.Protocol{{Name: "l2tp", Label: "L2TP over IPsec"}},
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

const (
	maxLogins = 3               // that a person may try passwords for
	loginTime = 2 * time.Minute // what is refused later was no password
)

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
	var last *credentials
	for range maxLogins {
		began := time.Now()
		if kept == nil {
			if kept, err = o.ask(until, s, last, refused); err != nil {
				if until.Err() != nil && ctx.Err() == nil {
					return nil
				}
				return sdk.Fail(sdk.Never, err)
			}
		}
		var t tunnel.Options
		if t, err = o.tunnel(ctx, s, kept); err != nil {
			return sdk.Fail(sdk.Never, err)
		}
		t.Again = again
		err = tunnel.Run(ctx, until, s, t)
		if !wrongPassword(err) || o.login.ByCertificate() || time.Since(began) > loginTime {
			return err
		}
		kept, last, refused = nil, kept, diag.Of(err).Detail
	}
	return err
}

// wrongPassword says whether another answer of the person's may help: a refusal that names
// an option is of what stands there.
func wrongPassword(err error) bool {
	var f *sdk.Failure
	return errors.As(err, &f) && len(f.Diagnostics) > 0 && f.Diagnostics[0].Code == diag.AuthRefused && f.Diagnostics[0].Option == ""
}
