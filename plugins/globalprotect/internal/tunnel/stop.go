package tunnel

import (
	"context"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/sdk"
)

// stop ends the tunnel; with a logout it ends the session at the gateway too, which
// wants the tunnel closed before. l.ctx is over already.
func (l *life) stop(e sdk.Stop) {
	deadline := e.Deadline
	if deadline <= 0 {
		deadline = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), deadline-deadline/5)
	defer cancel()
	for _, p := range []*sdk.Path{l.esp.path, l.tls} {
		if p != nil {
			_ = p.Close()
		}
	}
	if !e.Logout {
		return
	}
	c := l.n.client(nil)
	defer c.Close()
	answer, err := gp.Do(ctx, c, l.st.Session.Gateway, gp.GatewayLogout, l.st.Session.LogoutFields())
	switch {
	case err != nil:
		l.n.s.Warn("The gateway was not told of the logout: %v", err)
	case answer.Root == nil || answer.Root.Attrs["status"] != "success":
		l.n.s.Warn("The gateway did not confirm the logout; the session may live on there.")
	default:
		l.n.s.Debug("Logged out.")
	}
}
