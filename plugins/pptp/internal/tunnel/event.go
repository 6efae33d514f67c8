package tunnel

import (
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/pptp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// event handles what the host tells; an error ends the session.
func (s *session) event(e sdk.Event) error {
	switch e := e.(type) {
	case sdk.ControlFrame:
		if s.path != nil && e.Path == s.path.ID() && e.Type >= framing.InPPP {
			return s.ppp.Frame(uint16(e.Type), e.Payload)
		}
	case sdk.PathEvent:
		if s.path != nil && e.Path == s.path.ID() && e.Kind == sdk.PathDead {
			return s.dead(e.Reason)
		}
	case sdk.NetworkChange:
		if e.Reachable {
			return s.anew("the network changed")
		}
	case sdk.Wake:
		return s.anew("the computer slept")
	case sdk.Stop:
		return s.stop(e)
	}
	return nil
}

func (s *session) dead(reason string) error {
	if s.stopping {
		s.path = nil
		return nil
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the connection to the gateway is lost", reason))
}

// anew connects again: a call does not move.
func (s *session) anew(why string) error {
	if s.stopping || s.path == nil {
		return nil
	}
	s.host.Info("Connecting again: %s.", why)
	return sdk.Fail(sdk.Now, diag.New(diag.Unreachable, why, "Connecting again."))
}

// stop ends PPP, then the call, then the control connection, as long as there is time.
func (s *session) stop(e sdk.Stop) error {
	s.stopping = true
	if !e.Logout || s.control == nil {
		s.ended = true
		return nil
	}
	s.ppp.Goodbye(e.Deadline)
	if !s.ppp.Begun() {
		return s.say(pptp.Stop())
	}
	return s.ppp.Stop()
}
