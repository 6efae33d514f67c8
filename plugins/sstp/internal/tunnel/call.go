package tunnel

import (
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// message handles a control message. What is not expected is dropped.
func (s *session) message(payload []byte) error {
	m, err := sstp.ParseMessage(payload)
	if err != nil {
		s.host.Debug("The gateway sent a message that cannot be read: %v", err)
		return nil
	}
	s.trace("received %s", m.Type)
	switch m.Type {
	case sstp.CallConnectAck:
		return s.accepted(m)
	case sstp.CallConnectNak:
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway refuses the call", reason(m)))
	case sstp.CallDisconnect:
		_ = s.say(sstp.Message{Type: sstp.CallDisconnectAck}) // it goes anyhow
		return s.over("the gateway ended the session", m)
	case sstp.CallAbort:
		return s.over("the gateway broke the session off", m)
	case sstp.CallDisconnectAck:
		s.ended = s.ended || s.stopping
	case sstp.EchoRequest:
		return s.say(sstp.Message{Type: sstp.EchoResponse})
	}
	return nil
}

func reason(m sstp.Message) string {
	if text := m.Reason(); text != "" {
		return "It says: " + text + "."
	}
	return "It gave no reason."
}

// accepted begins PPP.
func (s *session) accepted(m sstp.Message) (err error) {
	if s.called {
		return nil
	}
	if s.challenge, err = m.Challenge(); err != nil {
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway takes the call in a way that is not known", err.Error()))
	}
	s.called = true
	return s.ppp.Begin(MRU)
}

// over is an end by the gateway.
func (s *session) over(what string, m sstp.Message) error {
	if s.stopping {
		s.ended = true
		return nil
	}
	return s.goodbye(diag.New(diag.SessionEnded, what, reason(m)))
}

// goodbye is an end that the gateway wanted: who had a tunnel may have another one.
func (s *session) goodbye(d *diag.Diagnostic) error {
	if s.path == nil {
		return sdk.Fail(sdk.Never, d)
	}
	return sdk.Fail(sdk.Backoff, d)
}
