package sdk_test

import (
	"context"
	"net/url"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// logsIn hands its session out and says how far it came.
func logsIn(t *testing.T, wentOn *bool) sdk.Plugin {
	return connect(func(ctx context.Context, s *sdk.Session) error {
		check(t, "phase", s.Phase(sdk.Authenticating))
		until, cancel := s.UntilStop(ctx)
		defer cancel()
		if err := s.LoggedIn(until, "webvpn=Xenon-54", &url.URL{Scheme: "https", Host: "vpn.example.com"}); err != nil {
			return err
		}
		*wentOn = true
		s.Warn("the cookie is %s", "webvpn=Xenon-54")
		return nil
	})
}

func TestLoggedIn(t *testing.T) {
	for name, c := range map[string]struct {
		profile plugintest.Profile
		goesOn  bool
	}{
		"not asked for": {plugintest.Profile{}, true},
		"shared":        {plugintest.Profile{ShareLogin: true}, true},
		"alone":         {plugintest.Profile{LoginOnly: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			wentOn := false
			run := plugintest.NewHost(t).Run(logsIn(t, &wentOn), c.profile)
			if c.profile.ShareLogin || c.profile.LoginOnly {
				if cookie, gateway := run.LoggedIn(); cookie != "webvpn=Xenon-54" || gateway != "https://vpn.example.com" {
					t.Errorf("%q of %q", cookie, gateway)
				}
			}
			if err := run.Wait(); err != nil || wentOn != c.goesOn {
				t.Errorf("went on: %t, %v", wentOn, err)
			}
		})
	}
}
