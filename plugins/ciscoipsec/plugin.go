package main

import (
	"context"
	"errors"
	"time"

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

const (
	maxLogins = 3 // so often may a person try passwords
	// loginTime is the most that a login takes; what is refused later was no password.
	loginTime = 2 * time.Minute
)

// Connect runs one session: credentials, then the tunnel. A refused password is asked
// for again.
func (*plugin) Connect(ctx context.Context, s *sdk.Session) error {
	o, err := readOptions(s.Options())
	if err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	for _, suite := range o.machine.IKE {
		if weak := suite.Weak(); weak != "" {
			s.Warn("The option ike offers %s, which is weak: who listens may break it.", weak)
			break
		}
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
		if !wrongPassword(err) || !o.machine.XAuth || time.Since(began) > loginTime {
			return err
		}
		kept, refused = nil, diag.Of(err).Summary
	}
	return err
}

// wrongPassword says whether what was refused is what the user typed for themselves.
func wrongPassword(err error) bool {
	var f *sdk.Failure
	return errors.As(err, &f) && len(f.Diagnostics) > 0 && f.Diagnostics[0].Code == diag.AuthRefused && f.Diagnostics[0].Option == ""
}
