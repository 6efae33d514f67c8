package sdk

import (
	"context"
	"net/url"

	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// ShareLogin says whether the host wants the session handed out: call LoggedIn when the
// login is done, before the phase Negotiating.
func (s *Session) ShareLogin() bool { return s.start.GetShareLogin() }

// LoggedIn hands out the session, as the option `cookie` takes it, with the gateway that
// it is of. A host that wanted no more than that sends Stop, and LoggedIn returns an error
// then: ctx should be one of UntilStop. Nothing is sent unless ShareLogin.
func (s *Session) LoggedIn(ctx context.Context, cookie string, gateway *url.URL) error {
	if !s.ShareLogin() {
		return nil
	}
	s.confide(cookie)
	m := &pluginpb.LoggedIn{Cookie: cookie, Gateway: gateway.String()}
	return s.stream.order(ctx, &pluginpb.FromPlugin{Message: &pluginpb.FromPlugin_LoggedIn{LoggedIn: m}})
}
