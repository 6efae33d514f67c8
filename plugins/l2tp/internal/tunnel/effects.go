package tunnel

import (
	"context"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/l2tp"
	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
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
			return broken(r.way.path.Send(framing.L2TPControl, e.Message))
		}
		return broken(r.way.datagram(e.Message))
	case l2tp.Up:
		r.call = e
		return r.doPPP(r.ppp.Begin(time.Now()))
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

// doPPP carries out what the machine of PPP wants, in order.
func (r *session) doPPP(effects []ppp.Effect) error {
	for _, e := range effects {
		if r.ended {
			return nil
		}
		if err := r.pppEffect(e); err != nil {
			return err
		}
	}
	return nil
}

func (r *session) pppEffect(e ppp.Effect) error {
	switch e := e.(type) {
	case ppp.Send:
		return broken(r.frame(e))
	case ppp.Authenticated:
		return r.authenticated(e)
	case ppp.Up:
		return r.up(e.Network)
	case ppp.AskPassword:
		r.person(r.o.NewPassword, e.Text, r.ppp.NewPassword)
	case ppp.Ask:
		r.person(r.o.Ask, e.Text, r.ppp.Answered)
	case ppp.Await:
		r.later(func() func(time.Time) []ppp.Effect {
			if e.Do != nil {
				e.Do(r.ctx)
			}
			select {
			case <-e.Done:
			case <-r.ctx.Done():
			}
			return r.ppp.Awaited
		})
	case ppp.Note:
		r.s.Info("%s", e.Text)
	case ppp.Trace:
		r.s.TraceText(e.Text + "\n")
	case ppp.Ended:
		return r.pppEnded(e.Err)
	}
	return nil
}

// frame sends a frame of PPP. The host puts everything around it once there is a path.
func (r *session) frame(e ppp.Send) error {
	if r.way.path != nil {
		return r.way.path.Send(framing.InPPP|uint32(e.Protocol), e.Payload)
	}
	d := l2tp.Data{Tunnel: r.call.Tunnel, Session: r.call.Session, Numbered: r.numbered, Ns: r.ns, Payload: ppp.AppendFrame(nil, e.Protocol, e.Payload)}
	if r.numbered {
		r.ns++
	}
	return r.way.datagram(d.Append(nil))
}

func (r *session) authenticated(a ppp.Authenticated) error {
	if a.Method == ppp.NoLogin {
		r.s.Warn("The gateway wants no login.")
	}
	if r.way.path != nil {
		return nil
	}
	r.expires.Reset(loginTime)
	return r.s.Phase(sdk.Negotiating)
}

// person has somebody answer, who may take time.
func (r *session) person(ask func(context.Context, string) (string, error), text string, answer func(time.Time, string, error) []ppp.Effect) {
	r.expires.Stop()
	r.later(func() func(time.Time) []ppp.Effect {
		said, err := ask(r.ctx, text)
		return func(now time.Time) []ppp.Effect {
			if r.way.path == nil {
				r.expires.Reset(loginTime)
			}
			return answer(now, said, err)
		}
	})
}

// later has the machine get an answer when it is there.
func (r *session) later(give func() func(time.Time) []ppp.Effect) {
	r.work.Go(func() {
		answer := give()
		select {
		case r.answers <- answer:
		case <-r.ctx.Done():
		}
	})
}

// up makes the tunnel: settings first, then the path. Later it is the settings alone.
func (r *session) up(n ppp.Network) error {
	if err := r.s.Configure(r.ctx, r.settings(n)); err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	if r.way.path != nil {
		return nil
	}
	if err := r.way.attach(r.ctx, r.s, r.framing(n)); err != nil {
		return sdk.Fail(sdk.Backoff, err)
	}
	r.expires.Stop()
	return nil
}

const (
	lcp         = framing.InPPP | uint32(ppp.ProtocolLCP)
	lcpEcho     = 9
	lcpReply    = 10
	echoSize    = 8
	magicOffset = 4
)

// framing is how the host wraps packets. It answers echoes of LCP by itself, and asks with
// one after DPD of silence.
func (r *session) framing(n ppp.Network) framing.Spec {
	magic := binary.BigEndian.AppendUint32(nil, r.ppp.Magic())
	ask := append([]byte{lcpEcho, 1, 0, echoSize}, magic...)
	return framing.Spec{
		L2TP: &framing.L2TP{Tunnel: r.call.Tunnel, Session: r.call.Session, OwnTunnel: r.call.OwnTunnel, OwnSession: r.call.OwnSession, Sequence: r.numbered},
		PPP:  &framing.PPP{NoAddress: n.NoAddress, ShortProtocol: n.ShortProtocol},
		Rules: framing.Rules{
			Replies: []framing.Reply{{Match: lcp, With: lcp, Prefix: []byte{lcpEcho}, Patch: []framing.Match{
				{Value: []byte{lcpReply}}, {Offset: magicOffset, Value: magic},
			}}},
			Dpd: framing.Dpd{After: r.o.DPD, Retry: r.o.DPD / 4, Dead: r.o.DPD, Type: lcp, Payload: ask},
		},
	}
}

func (r *session) settings(n ppp.Network) sdk.NetConfig {
	c := sdk.NetConfig{MTU: min(n.MRU, MRU), DNS: n.DNS, NBNS: n.NBNS}
	if r.o.MTU > 0 {
		c.MTU = min(c.MTU, r.o.MTU)
	}
	if n.Address.IsValid() {
		c.Addresses = append(c.Addresses, netip.PrefixFrom(n.Address, 32))
		c.Routes = append(c.Routes, netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	}
	return c
}

// pppEnded is an end that PPP knows the reason of. The gateway is told.
func (r *session) pppEnded(err error) error {
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

// broken is the end of a path that does not take something, most often because it has
// died this moment: a new one is asked for.
func broken(err error) error {
	if err == nil {
		return nil
	}
	return sdk.Fail(sdk.Now, err)
}
