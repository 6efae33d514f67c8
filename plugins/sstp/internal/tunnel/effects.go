package tunnel

import (
	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Connected says that there is a path.
func (s *session) Connected() bool { return s.path != nil }

// Over says that the session is.
func (s *session) Over() bool { return s.ended }

// Send sends a frame of PPP. The host puts its header on once there is a path.
func (s *session) Send(f ppp.Send) error {
	if s.path != nil {
		return tries.Broken(s.path.Send(framing.InPPP|uint32(f.Protocol), f.Payload))
	}
	return s.send(sstp.TypeData, sstp.Packet{Payload: ppp.AppendFrame(nil, f.Protocol, f.Payload)})
}

// Bind proves to the gateway that who logged in is at this end of the connection.
func (s *session) Bind(a ppp.Authenticated) error {
	var key [sstp.KeySize]byte
	copy(key[:], a.Key) // of EAP's, the first half
	chain := s.conn.Info().PeerChain
	if len(chain) == 0 {
		return sdk.Fail(sdk.Never, diag.New(diag.Certificate, "the gateway has no certificate", "The login cannot be bound to the connection."))
	}
	return s.say(s.challenge.Connected(chain[0].Raw, key))
}

// Encrypt is never asked for: TLS does.
func (s *session) Encrypt(*ppp.Encryption) error { return nil }

// Up makes the path, and has the tunnel survive this process.
func (s *session) Up(n ppp.Network) error {
	if s.path == nil {
		if err := s.attach(n); err != nil {
			return err
		}
	}
	saved := s.ppp.Saved()
	if saved == nil {
		return nil
	}
	if err := s.o.Keep(Kept{s.path.ID(), *saved}); err != nil {
		s.host.Warn("The session cannot be kept for a restart of the plugin: %v", err)
	}
	return nil
}

func (s *session) attach(n ppp.Network) error {
	rest, err := s.reader.Stop()
	if err != nil {
		return s.lost(err)
	}
	s.reader = nil
	form := framing.PPP{NoAddress: n.NoAddress, ShortProtocol: n.ShortProtocol}
	path, err := s.host.Attach(s.ctx, s.conn, append(s.unread, rest...), sstp.Framing(s.o.DPD, s.ppp.EchoReply(), form), sdk.AttachOptions{})
	if err != nil {
		return sdk.Fail(sdk.Backoff, err)
	}
	s.path, s.unread = path, nil
	return nil
}

// Ended is an end that PPP knows the reason of.
func (s *session) Ended(err error) error {
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
