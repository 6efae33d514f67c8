package tunnel

import (
	"context"
	"encoding/binary"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/pptp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// do carries out what the machine wants, in order.
func (s *session) do(effects []ppp.Effect) error {
	for _, e := range effects {
		if s.ended {
			return nil
		}
		if err := s.effect(e); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) effect(e ppp.Effect) error {
	switch e := e.(type) {
	case ppp.Send:
		return s.frame(e)
	case ppp.Authenticated:
		return s.authenticated(e)
	case ppp.Encrypt:
		return s.encrypt(e.Encryption)
	case ppp.Up:
		return s.up(e.Network)
	case ppp.AskPassword:
		s.person(s.o.NewPassword, e.Text, s.ppp.NewPassword)
	case ppp.Ask:
		s.person(s.o.Ask, e.Text, s.ppp.Answered)
	case ppp.Await:
		s.later(func() func(time.Time) []ppp.Effect {
			if e.Do != nil {
				e.Do(s.ctx)
			}
			select {
			case <-e.Done:
			case <-s.ctx.Done():
			}
			return s.ppp.Awaited
		})
	case ppp.Note:
		s.host.Info("%s", e.Text)
	case ppp.Trace:
		s.trace("%s", e.Text)
	case ppp.Ended:
		return s.pppEnded(e.Err)
	}
	return nil
}

// frame sends a frame of PPP, by the path once there is one.
func (s *session) frame(e ppp.Send) error {
	if s.path != nil {
		return broken(s.path.Send(framing.InPPP|uint32(e.Protocol), e.Payload))
	}
	if s.gre == nil {
		return nil
	}
	if _, err := s.gre.Write(s.line.Append(nil, ppp.AppendFrame(nil, e.Protocol, e.Payload))); err != nil {
		return s.deaf(err)
	}
	return nil
}

// broken is the end of a path that does not take something, most often because it has
// died this moment: a new one is asked for.
func broken(err error) error {
	if err == nil {
		return nil
	}
	return sdk.Fail(sdk.Now, err)
}

func (s *session) authenticated(a ppp.Authenticated) error {
	if s.path != nil {
		return nil
	}
	if a.Method == ppp.NoLogin {
		s.host.Warn("The gateway wants no login.")
	}
	s.wait("with an address")
	return s.host.Phase(sdk.Negotiating)
}

// encrypt is told to the host, now or with the path.
func (s *session) encrypt(e *ppp.Encryption) error {
	m := sdk.MPPE{}
	if e != nil {
		m = sdk.MPPE{Send: key(e.Send), Receive: key(e.Receive)}
	}
	s.mppe = &m
	if s.path == nil {
		return nil
	}
	return broken(s.path.InstallMPPE(s.ctx, m))
}

func key(d ppp.Direction) sdk.MPPEKey {
	return sdk.MPPEKey{Key: d.Key, Bits: d.Bits, Stateless: d.Stateless}
}

// person has somebody answer, who may take time.
func (s *session) person(ask func(context.Context, string) (string, error), text string, answer func(time.Time, string, error) []ppp.Effect) {
	s.expires.Stop()
	s.later(func() func(time.Time) []ppp.Effect {
		said, err := ask(s.ctx, text)
		return func(now time.Time) []ppp.Effect {
			s.expires.Reset(negotiationTime)
			return answer(now, said, err)
		}
	})
}

// later has the machine get an answer when it is there.
func (s *session) later(give func() func(time.Time) []ppp.Effect) {
	s.work.Go(func() {
		answer := give()
		select {
		case s.answers <- answer:
		case <-s.ctx.Done():
		}
	})
}

// up makes the tunnel: settings first, then the path. Later it is the settings alone.
func (s *session) up(n ppp.Network) error {
	if err := s.host.Configure(s.ctx, s.settings(n)); err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	if s.path != nil {
		return nil
	}
	if s.mppe == nil {
		s.host.Warn("Packets are not encrypted.")
	}
	s.packets.detach()
	path, err := s.host.Attach(s.ctx, s.gre, s.framing(), sdk.GRE{
		Call: s.line.Call, OwnCall: s.line.OwnCall, Next: s.line.Next, Received: s.line.Received, MPPE: s.mppe,
	})
	s.packets, s.gre = nil, nil
	if err != nil {
		return sdk.Fail(sdk.Backoff, err)
	}
	s.path = path
	s.expires.Stop()
	return nil
}

const (
	lcp         = framing.InPPP | ppp.ProtocolLCP
	lcpEcho     = 9
	lcpReply    = 10
	magicOffset = 4
)

// framing is how the host wraps packets: in the form that everybody understands, for the
// gateway may agree on another one later. It answers echoes by itself, and asks after a
// silence.
func (s *session) framing() framing.Spec {
	magic := binary.BigEndian.AppendUint32(nil, s.ppp.Magic())
	return framing.Spec{
		PPP: &framing.PPP{}, MaxPayload: 2048,
		Rules: framing.Rules{
			Replies: []framing.Reply{{Match: lcp, With: lcp, Prefix: []byte{lcpEcho}, Patch: []framing.Match{
				{Value: []byte{lcpReply}}, {Offset: magicOffset, Value: magic},
			}}},
			Dpd: framing.Dpd{
				After: s.o.DPD, Retry: s.o.DPD / 4, Dead: s.o.DPD,
				Type: lcp, Payload: append([]byte{lcpEcho, 0, 0, 8}, magic...),
			},
		},
	}
}

func (s *session) settings(n ppp.Network) sdk.NetConfig {
	c := sdk.NetConfig{MTU: min(n.MRU, s.o.PPP.MRU), DNS: n.DNS, NBNS: n.NBNS}
	if s.mppe != nil {
		c.MTU -= mppeSize
	}
	if s.o.MTU > 0 {
		c.MTU = min(c.MTU, s.o.MTU)
	}
	if n.Address.IsValid() {
		c.Addresses = append(c.Addresses, netip.PrefixFrom(n.Address, 32))
		c.Routes = append(c.Routes, netip.PrefixFrom(netip.IPv4Unspecified(), 0))
	}
	return c
}

// pppEnded is an end that PPP knows the reason of.
func (s *session) pppEnded(err error) error {
	_ = s.say(pptp.Clear(s.line.OwnCall)) // the gateway may know already
	if err == nil || s.stopping {
		return s.say(pptp.Stop())
	}
	d := diag.Of(err)
	switch {
	case d.Code == diag.Unreachable && !s.line.Heard:
		d.Detail = "It accepted the call, but nothing of GRE (IP protocol 47) came back: a firewall or a NAT in between does not let it pass."
		return sdk.Fail(sdk.Backoff, d)
	case d.Code == diag.Unreachable:
		return sdk.Fail(sdk.Backoff, d)
	case d.Code == diag.SessionEnded:
		return s.goodbye(d)
	}
	return sdk.Fail(sdk.Never, d)
}
