package tunnel

import (
	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/pptp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Connected says that there is a path.
func (s *session) Connected() bool { return s.path != nil }

// Over says that the session is.
func (s *session) Over() bool { return s.ended }

// Send sends a frame of PPP, by the path once there is one.
func (s *session) Send(f ppp.Send) error {
	if s.path != nil {
		return tries.Broken(s.path.Send(framing.InPPP|uint32(f.Protocol), f.Payload))
	}
	if s.gre == nil {
		return nil
	}
	if _, err := s.gre.Write(s.line.Append(nil, ppp.AppendFrame(nil, f.Protocol, f.Payload))); err != nil {
		return s.deaf(err)
	}
	return nil
}

// Bind has nothing to bind to.
func (s *session) Bind(ppp.Authenticated) error { return nil }

// Encrypt is told to the host, now or with the path.
func (s *session) Encrypt(e *ppp.Encryption) error {
	m := sdk.MPPE{}
	if e != nil {
		m = sdk.MPPE{Send: key(e.Send), Receive: key(e.Receive)}
	}
	s.mppe = &m
	if s.path == nil {
		return nil
	}
	return tries.Broken(s.path.InstallMPPE(s.ctx, m))
}

func key(d ppp.Direction) sdk.MPPEKey {
	return sdk.MPPEKey{Key: d.Key, Bits: d.Bits, Stateless: d.Stateless}
}

// Up makes the path, on which frames have the form that everybody understands, for the
// gateway may agree on another one later.
func (s *session) Up(ppp.Network) error {
	if s.path != nil {
		return nil
	}
	if s.mppe == nil {
		s.host.Warn("Packets are not encrypted.")
	}
	s.packets.Detach()
	form := framing.Spec{PPP: &framing.PPP{}, MaxPayload: 2048, Rules: s.ppp.Echoes()}
	path, err := s.host.Attach(s.ctx, s.gre, nil, form, sdk.AttachOptions{GRE: &sdk.GRE{
		Call: s.line.Call, OwnCall: s.line.OwnCall, Next: s.line.Next, Received: s.line.Received, MPPE: s.mppe,
	}})
	s.packets, s.gre = nil, nil
	if err != nil {
		return sdk.Fail(sdk.Backoff, err)
	}
	s.path = path
	return nil
}

// Ended is an end that PPP knows the reason of.
func (s *session) Ended(err error) error {
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
