package tunnel

import (
	"context"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
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

// frame sends a frame of PPP. The host puts its header on once there is a path.
func (s *session) frame(e ppp.Send) error {
	if s.path != nil {
		return broken(s.path.Send(framing.InPPP|uint32(e.Protocol), e.Payload))
	}
	return s.send(sstp.TypeData, sstp.Packet{Payload: ppp.AppendFrame(nil, e.Protocol, e.Payload)})
}

// authenticated binds the first login. What the gateway asks for later is within it.
func (s *session) authenticated(a ppp.Authenticated) error {
	if s.path != nil {
		return nil
	}
	if err := s.host.Phase(sdk.Negotiating); err != nil {
		return err
	}
	return s.bind(a)
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
		return s.keep()
	}
	rest, err := s.reader.stop()
	if err != nil {
		return s.lost(err)
	}
	s.reader = nil
	form := framing.PPP{NoAddress: n.NoAddress, ShortProtocol: n.ShortProtocol}
	path, err := s.host.Attach(s.ctx, s.conn, append(s.unread, rest...), sstp.Framing(s.o.DPD, s.ppp.Magic(), form))
	if err != nil {
		return sdk.Fail(sdk.Backoff, err)
	}
	s.path, s.unread = path, nil
	s.expires.Stop()
	return s.keep()
}

// keep has the tunnel survive this process.
func (s *session) keep() error {
	saved := s.ppp.Saved()
	if saved == nil {
		return nil
	}
	if err := s.o.Keep(Kept{s.path.ID(), *saved}); err != nil {
		s.host.Warn("The session cannot be kept for a restart of the plugin: %v", err)
	}
	return nil
}

func (s *session) settings(n ppp.Network) sdk.NetConfig {
	c := sdk.NetConfig{MTU: min(n.MRU, s.o.PPP.MRU, MRU), DNS: n.DNS, NBNS: n.NBNS}
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
	if err == nil || s.stopping {
		return nil // the call ends by itself
	}
	d := diag.Of(err)
	_ = s.say(sstp.Message{Type: sstp.CallDisconnect}) // the gateway may know already
	switch d.Code {
	case diag.Unreachable:
		return sdk.Fail(sdk.Backoff, d)
	case diag.SessionEnded:
		return s.goodbye(d)
	}
	return sdk.Fail(sdk.Never, d)
}
