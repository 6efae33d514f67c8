package tunnel

import (
	"context"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
)

const farewellText = "Client logged out"

// stop ends the tunnel; with a logout it ends the session at the gateway too. l.ctx
// is over already.
func (l *life) stop(e sdk.Stop) {
	deadline := e.Deadline
	if deadline <= 0 {
		deadline = 5 * time.Second
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), deadline-deadline/5)
	defer cancel()
	if e.Logout {
		l.logout(ctx)
	}
	for _, p := range []Path{l.dtls.path, l.path} {
		if p != nil {
			_ = p.Close()
		}
	}
}

// logout says goodbye on the tunnel. Without one, a tunnel is asked for only to say
// it: there is no other way that all gateways know.
func (l *life) logout(ctx context.Context) {
	if l.path != nil {
		if err := l.path.Send(cstp.TypeDisconnect, cstp.Goodbye(farewellText)); err != nil {
			l.n.host.Debug("Logging out: %v", err)
		}
		return
	}
	l.work.Wait()
	g, err := l.lastGrant(ctx)
	if err != nil {
		l.n.host.Debug("Logging out: %v", err)
		return
	}
	defer g.conn.Close()
	if _, err := g.conn.Write(cstp.AppendDisconnect(nil, farewellText)); err != nil {
		l.n.host.Debug("Logging out: %v", err)
	}
}

// lastGrant is the tunnel that was granted just when the stop came, or a new one.
func (l *life) lastGrant(ctx context.Context) (*granted, error) {
	select {
	case r := <-l.connected:
		if r.err == nil {
			return r.granted, nil
		}
	default:
	}
	return l.n.connect(ctx, l.s, nil)
}
