package tunnel

import (
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/l2tp"
	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// doL2TP carries out what the machine of L2TP wants, in order.
func (r *session) doL2TP(effects []l2tp.Effect) error {
	for _, e := range effects {
		if r.ended {
			return nil
		}
		if err := r.l2tpEffect(e); err != nil {
			return err
		}
	}
	return nil
}

func (r *session) l2tpEffect(e l2tp.Effect) error {
	switch e := e.(type) {
	case l2tp.Send:
		if r.way.path != nil {
			return tries.Broken(r.way.path.Send(framing.L2TPControl, e.Message))
		}
		return tries.Broken(r.way.datagram(e.Message))
	case l2tp.Up:
		r.call = e
		return r.ppp.Begin(MRU)
	case l2tp.Trace:
		r.s.TraceText(e.Text + "\n")
	case l2tp.Ended:
		if e.Err == nil {
			return r.finish()
		}
		return r.over(e.Err)
	}
	return nil
}

// Connected says that there is a path.
func (r *session) Connected() bool { return r.way.path != nil }

// Over says that the session is.
func (r *session) Over() bool { return r.ended }

// Send sends a frame of PPP. The host puts everything around it once there is a path.
func (r *session) Send(f ppp.Send) error {
	if r.way.path != nil {
		return tries.Broken(r.way.path.Send(framing.InPPP|uint32(f.Protocol), f.Payload))
	}
	d := l2tp.Data{Tunnel: r.call.Tunnel, Session: r.call.Session, Numbered: r.numbered, Ns: r.ns, Payload: ppp.AppendFrame(nil, f.Protocol, f.Payload)}
	if r.numbered {
		r.ns++
	}
	return tries.Broken(r.way.datagram(d.Append(nil)))
}

// Bind has nothing to bind to: that is between IKE and ESP.
func (r *session) Bind(ppp.Authenticated) error { return nil }

// Encrypt is never asked for: ESP does.
func (r *session) Encrypt(*ppp.Encryption) error { return nil }

// Up makes the path.
func (r *session) Up(n ppp.Network) error {
	if r.way.path != nil {
		return nil
	}
	form := framing.Spec{
		L2TP:  &framing.L2TP{Tunnel: r.call.Tunnel, Session: r.call.Session, OwnTunnel: r.call.OwnTunnel, OwnSession: r.call.OwnSession, Sequence: r.numbered},
		PPP:   &framing.PPP{NoAddress: n.NoAddress, ShortProtocol: n.ShortProtocol},
		Rules: r.ppp.Echoes(),
	}
	if err := r.way.attach(r.ctx, r.s, form); err != nil {
		return sdk.Fail(sdk.Backoff, err)
	}
	return nil
}

// Ended is an end that PPP knows the reason of. The gateway is told.
func (r *session) Ended(err error) error {
	if err == nil || r.stopping {
		return nil // the call ends by itself
	}
	for _, e := range r.l2tp.Stop(time.Now()) {
		if send, is := e.(l2tp.Send); is {
			_ = r.l2tpEffect(send) // it goes anyhow
		}
	}
	return r.over(err)
}
