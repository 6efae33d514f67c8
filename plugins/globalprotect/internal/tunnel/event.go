package tunnel

import (
	"context"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
)

// event handles what the host tells; an error ends the session.
func (l *life) event(e sdk.Event) error {
	switch e := e.(type) {
	case sdk.PathEvent:
		return l.pathEvent(e)
	case sdk.SAExpired:
		if l.isPath(l.esp.path, e.Path) && !e.Hard && l.connecting == nil {
			l.connect(request{inPlace: true})
		}
	case sdk.ControlFrame:
		l.n.s.Debug("The gateway sent a frame of the unknown type %#x.", e.Type)
	case sdk.NetworkChange:
		if e.Reachable {
			l.renew("The network changed; connecting again.")
		}
	case sdk.Wake:
		l.renew("The computer slept; connecting again.")
	}
	return nil
}

// renew asks for everything anew because the old may not reach the gateway any more.
func (l *life) renew(why string) {
	l.n.s.Info("%s", why)
	l.st.Failures = 0 // another network, another firewall
	l.connect(request{})
}

func (l *life) isPath(p *sdk.Path, id uint32) bool { return p != nil && p.ID() == id }

func (l *life) pathEvent(e sdk.PathEvent) error {
	esp := l.isPath(l.esp.path, e.Path)
	switch {
	case e.Kind == sdk.PathUp && esp:
		l.espUp()
	case e.Kind == sdk.PathDead && esp:
		l.esp.path = nil // the host has removed it
		l.espFailed(e.Reason)
	case e.Kind == sdk.PathDead && l.isPath(l.tls, e.Path):
		return l.tlsDead(e.Reason)
	}
	return nil
}

// hipInterval is between reports about the computer, a little less than the gateway
// wants.
func (l *life) hipInterval() time.Duration {
	d := defaultHIP
	switch {
	case l.n.opt.HIPInterval > 0:
		return l.n.opt.HIPInterval
	case l.st.Session.HIPInterval > 0:
		d = l.st.Session.HIPInterval
	}
	return max(d-early, d/2)
}

// report tells the gateway about the computer, beside the tunnel.
func (l *life) report() {
	l.st.HIPAt = time.Now().Add(l.hipInterval())
	l.hip.Reset(l.hipInterval())
	if l.reporting {
		return
	}
	l.reporting = true
	n, st, ctx := l.n, l.st, l.ctx
	l.work.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, 2*requestTimeout+programTime)
		defer cancel()
		c := n.client(nil)
		defer c.Close()
		l.reported <- n.hipCheck(ctx, c, st.Session, st.Config.Addresses)
	})
}

// programTime is what the user's program may take.
const programTime = 5 * time.Minute

// onReported opens the tunnel over TLS again, which gateways close with a report.
func (l *life) onReported(sent bool) {
	l.reporting = false
	if l.esp.path == nil && l.connecting == nil && (sent || l.tls == nil) {
		l.connect(request{stream: true})
	}
}
