package tunnel

import (
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// event handles what the host tells; an error ends the session.
func (r *session) event(e sdk.Event) error {
	switch e := e.(type) {
	case sdk.Stop:
		return r.stop(e)
	case sdk.ControlFrame:
		switch {
		case r.way.path == nil || e.Path != r.way.ID():
			return nil
		case e.Type == framing.L2TPControl:
			return r.doL2TP(r.l2tp.Receive(time.Now(), e.Payload))
		case e.Type >= framing.InPPP && e.Type < framing.L2TPControl:
			return r.ppp.Frame(uint16(e.Type), e.Payload)
		}
	case sdk.PathEvent:
		if r.way.path != nil && e.Path == r.way.ID() && e.Kind == sdk.PathDead && r.stopping {
			r.ended = true
			return nil
		}
	case sdk.NetworkChange, sdk.Wake:
		if r.stopping || r.way.path == nil {
			return nil
		}
	}
	if r.stopping {
		return nil
	}
	return r.peer.Event(e)
}

// stop tells the gateway, and waits for its answer as long as there is time.
func (r *session) stop(e sdk.Stop) error {
	r.stopping = true
	if !e.Logout || r.way.line == nil {
		return r.finish()
	}
	r.ppp.Goodbye(e.Deadline)
	return r.doL2TP(r.l2tp.Stop(time.Now()))
}

// finish is the end of the call: IKE says goodbye last, as its keys carried the rest.
func (r *session) finish() error {
	r.ended = true
	_ = r.peer.Stop() // it goes anyhow
	return nil
}

// over is an end that has a reason: what can be tried again is.
func (r *session) over(err error) error {
	if r.stopping {
		return r.finish()
	}
	_ = r.peer.Stop()
	d := diag.Of(err)
	switch d.Code {
	case diag.Unreachable:
		return sdk.Fail(sdk.Backoff, d)
	case diag.SessionEnded:
		if r.way.path != nil {
			return sdk.Fail(sdk.Backoff, d)
		}
	}
	return sdk.Fail(sdk.Never, d)
}
