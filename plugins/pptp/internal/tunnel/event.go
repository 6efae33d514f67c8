package tunnel

import (
	"time"

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
			return s.do(s.ppp.Frame(time.Now(), uint16(e.Type), e.Payload))
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

// goodbyeTime is how long the gateway may take to say goodbye.
const goodbyeTime = 2 * time.Second

// stop ends PPP, then the call, then the control connection, as long as there is time.
func (s *session) stop(e sdk.Stop) error {
	s.stopping = true
	if !e.Logout || s.control == nil {
		s.ended = true
		return nil
	}
	limit := goodbyeTime
	if e.Deadline > 0 {
		limit = min(limit, e.Deadline/2)
	}
	s.expires.Reset(limit)
	if s.ppp == nil {
		return s.say(pptp.Stop())
	}
	return s.do(s.ppp.Stop(time.Now()))
}
