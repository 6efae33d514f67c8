package tunnel

import (
	"context"
	"encoding/binary"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/internal/reader"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/pptp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// take handles the messages that are there.
func (s *session) take() error {
	for !s.ended {
		m, n, err := pptp.Cut(s.unread)
		if err != nil {
			return sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway sends what is no PPTP", err.Error()))
		}
		if n == 0 {
			return nil
		}
		s.unread = s.unread[n:]
		s.trace("received %s", m.Type)
		if err := s.message(m); err != nil {
			return err
		}
	}
	return nil
}

// message handles a message. What is not expected is dropped.
func (s *session) message(m pptp.Message) error {
	switch m.Type {
	case pptp.StartReply:
		return s.started(m)
	case pptp.OutgoingCallReply:
		return s.called(m)
	case pptp.EchoRequest:
		return s.say(m.Echoed())
	case pptp.EchoReply:
		s.echoed = s.echoed || binary.BigEndian.Uint32(m.Body) == s.echo
	case pptp.IncomingCallRequest:
		return s.say(m.Declined())
	case pptp.CallDisconnectNotify:
		return s.disconnected(m)
	case pptp.StopRequest:
		_ = s.say(pptp.Stopped()) // it goes anyhow
		return s.over("the gateway ended the connection", m.Stopping())
	case pptp.StopReply:
		s.ended = s.ended || s.stopping
	}
	return nil
}

// started calls: GRE is open before the gateway may send any.
func (s *session) started(m pptp.Message) (err error) {
	if s.line.OwnCall != 0 || s.stopping {
		return nil
	}
	if err := m.Started(); err != nil {
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway refuses the control connection", "It says: "+err.Error()+"."))
	}
	ctx, cancel := context.WithTimeout(s.ctx, openTime)
	defer cancel()
	if s.gre, err = s.host.OpenRaw(ctx, s.o.Host, sdk.ProtocolGRE); err != nil {
		return tries.Failed(err)
	}
	s.packets = reader.New(s.gre)
	s.line.OwnCall = number()
	s.ppp.Wait("the call")
	return s.say(pptp.Call(s.line.OwnCall, number()))
}

// called begins PPP.
func (s *session) called(m pptp.Message) error {
	call, err := m.Called()
	if s.line.OwnCall == 0 || s.ppp.Begun() || s.stopping || call.Peer != s.line.OwnCall && (err == nil || call.Peer != 0) {
		return nil
	}
	if err != nil {
		return s.goodbye(diag.New(diag.Protocol, "the gateway refuses the call", "It says: "+err.Error()+"."))
	}
	s.line.Call = call.ID
	if err := s.say(pptp.LinkInfo(call.ID)); err != nil {
		return err
	}
	return s.ppp.Begin(s.mru())
}

// around is what stands around a packet that is encrypted, but for IP: GRE, PPP, MPPE.
const around = 16 + 4 + ppp.EncryptionSize

// mru is the longest that comes whole over the network to the gateway, and no more than MRU.
func (s *session) mru() int {
	i := s.gre.Info()
	if i.PathMTU == 0 {
		return MRU
	}
	return max(min(i.PathMTU-i.Overhead-around+ppp.EncryptionSize, MRU), s.o.PPP.MinMRU())
}

func (s *session) disconnected(m pptp.Message) error {
	if s.stopping {
		return s.say(pptp.Stop())
	}
	return s.over("the gateway ended the call", m.Disconnected())
}

// over is an end by the gateway.
func (s *session) over(what, why string) error {
	if s.stopping {
		s.ended = true
		return nil
	}
	detail := "It gave no reason."
	if why != "" {
		detail = "It says: " + why + "."
	}
	return s.goodbye(diag.New(diag.SessionEnded, what, detail))
}

// goodbye is an end that the gateway wanted: who had a tunnel may have another one.
func (s *session) goodbye(d *diag.Diagnostic) error {
	if s.path == nil && !s.o.Again {
		return sdk.Fail(sdk.Never, d)
	}
	return sdk.Fail(sdk.Backoff, d)
}
