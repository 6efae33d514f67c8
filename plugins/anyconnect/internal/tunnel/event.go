package tunnel

import (
	"context"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// event handles what the host tells; an error ends the session.
func (l *life) event(e sdk.Event) error {
	switch e := e.(type) {
	case sdk.ControlFrame:
		return l.control(e)
	case sdk.PathEvent:
		return l.pathEvent(e)
	case sdk.NetworkChange:
		if e.Reachable {
			l.renew("The network changed; connecting again.")
		}
	case sdk.Wake:
		l.renew("The computer slept; connecting again.")
	}
	return nil
}

// renew asks for a new tunnel because the old one may not reach the gateway any more.
func (l *life) renew(why string) {
	l.n.host.Info("%s", why)
	l.connect()
}

func (l *life) isPath(p Path, id uint32) bool { return p != nil && p.ID() == id }

// control handles a frame that no rule of the host handles. Frames of a path that was
// replaced mean nothing: gateways say goodbye there.
func (l *life) control(e sdk.ControlFrame) error {
	if !l.isPath(l.path, e.Path) && !l.isPath(l.dtls.path, e.Path) {
		return nil
	}
	switch e.Type {
	case cstp.TypeDisconnect, cstp.TypeTerminate:
		text := cstp.ParseDisconnect(e.Payload)
		if text == "" {
			text = "no reason given"
		}
		if l.connecting != nil {
			// A new tunnel is being asked for, and some gateways end the old one before
			// they answer.
			l.farewell = text
			return nil
		}
		return ended(text)
	case cstp.TypeCompressed:
		return sdk.Fail(sdk.Never, diag.New(diag.Protocol, "the gateway sends compressed packets, which were not agreed on", "Its administrator can switch compression off."))
	}
	l.n.host.Debug("The gateway sent a frame of the unknown type %d.", e.Type)
	return nil
}

func ended(reason string) error {
	return sdk.Fail(sdk.Never, diag.New(diag.SessionEnded, "the gateway ended the session: "+reason, "Connect again, or ask the gateway's administrator."))
}

func (l *life) pathEvent(e sdk.PathEvent) error {
	switch {
	case e.Kind == sdk.PathDead && l.isPath(l.dtls.path, e.Path):
		l.dtlsDead(e.Reason)
	case e.Kind == sdk.PathDead && l.isPath(l.path, e.Path):
		return l.pathDead(e.Reason)
	case e.Kind == sdk.PathMTU && (l.isPath(l.dtls.path, e.Path) || l.dtls.path == nil && l.isPath(l.path, e.Path)):
		l.pathMTU = max(e.MTU, leastMTU)
		l.correctMTU()
	}
	return nil
}

const leastMTU = 576

const (
	quickDeath  = 5 * time.Second // a tunnel that lives less is no tunnel
	quickDeaths = 3
)

// pathDead asks for a new tunnel at once, unless new ones keep dying.
func (l *life) pathDead(reason string) error {
	l.path, l.conn, l.s.TLSPath = nil, nil, 0
	if time.Since(l.upSince) < quickDeath {
		l.quick++
	} else {
		l.quick = 0
	}
	if l.quick >= quickDeaths {
		return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway accepts the tunnel and drops it again ("+reason+")", "Trying again after a pause."))
	}
	if l.connecting == nil {
		l.n.host.Info("The tunnel is lost (%s); connecting again.", reason)
		l.connect()
	}
	return nil
}

// retryRekey is the pause after a rekey that did not work while the old tunnel lives.
const retryRekey = 30 * time.Second

// notConnected decides what a failed connect means.
func (l *life) notConnected(err error) error {
	d := diag.Of(err)
	switch {
	case context.Cause(l.ctx) != nil:
		return context.Cause(l.ctx)
	case l.farewell != "":
		return ended(l.farewell)
	case !l.upOnce:
		return sdk.Fail(sdk.Never, l.n.opt.blame(d))
	case d.Code == diag.AuthRefused:
		return sdk.Fail(sdk.Reauth, d)
	case d.Code == diag.Protocol, d.Code == diag.Certificate, d.Code == diag.Config, d.Code == diag.Cancelled:
		return sdk.Fail(sdk.Never, d)
	case d.Code == diag.SessionEnded:
		return l.refusedAgain(d)
	case l.path != nil:
		l.n.host.Warn("No new tunnel: %v. The old one goes on.", d)
		l.rekey.Reset(retryRekey)
		return nil
	}
	return sdk.Fail(sdk.Backoff, d)
}

// refusedAgain: some gateways do not tell a session that is over from a busy hour. The
// second refusal in a row is taken for the former.
func (l *life) refusedAgain(d *diag.Diagnostic) error {
	if l.s.Refused++; l.s.Refused > 1 {
		return sdk.Fail(sdk.Reauth, d)
	}
	l.save()
	return sdk.Fail(sdk.Backoff, d)
}
