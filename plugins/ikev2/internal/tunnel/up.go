package tunnel

import (
	"context"
	"time"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// install makes the tunnel: settings first, then the path.
func (l *life) install(up machine.Up) error {
	if err := l.host.Phase(sdk.Negotiating); err != nil {
		return err
	}
	settings := up.Settings
	settings.MTU = l.o.MTU
	if err := l.host.Configure(l.ctx, settings); err != nil {
		return err
	}
	l.behindNAT = up.BehindNAT
	if err := l.attach(up.SAs); err != nil {
		return err
	}
	if first := l.conns[portIKE]; first != nil {
		_ = first.Close()
		delete(l.conns, portIKE)
	}
	return nil
}

// attach makes the transport that the machine uses the path, in place of the one before.
func (l *life) attach(sas []sdk.SA) error {
	esp := &sdk.ESP{SAs: sas, ECN: true}
	if l.behindNAT {
		esp.NATKeepalive = natKeepalive
	}
	port := l.natt()
	conn := l.conns[port]
	delete(l.conns, port)
	path, err := l.host.Attach(l.ctx, conn, esp, l.path)
	if err != nil {
		return err
	}
	l.path = path
	return nil
}

// A tunnel may outlive that there is no way to the gateway for a moment.
const (
	retryMove = 300 * time.Millisecond
	maxMoves  = 30
)

// move goes on from a new address. The path stays until the gateway knows that.
func (l *life) move() ([]machine.Effect, error) {
	if old := l.conns[l.natt()]; old != nil {
		_ = old.Close()
		delete(l.conns, l.natt())
	}
	conn, err := l.open(l.ctx, l.address, l.natt())
	if err != nil {
		if l.moves++; l.moves > maxMoves {
			return nil, fail(sdk.Backoff, diag.Of(err))
		}
		l.host.Debug("The gateway cannot be reached from here yet: %v", err)
		l.retry.Reset(retryMove)
		return nil, nil
	}
	l.moves = 0
	return l.m.Move(time.Now(), conn.Info().Local, conn.Info().Remote), nil
}

// replace installs SAs, the inbound one first.
func (l *life) replace(sas []sdk.SA) error {
	for _, sa := range sas {
		if err := l.path.InstallSA(l.ctx, sa); err != nil {
			return err
		}
	}
	return nil
}

// event handles what the host tells; an error ends the session.
func (l *life) event(e sdk.Event) ([]machine.Effect, error) {
	switch e := e.(type) {
	case sdk.ControlFrame:
		if l.path != nil && e.Path == l.path.ID() {
			return l.m.Receive(time.Now(), e.Payload), nil
		}
	case sdk.PathEvent:
		if l.path != nil && e.Path == l.path.ID() && e.Kind == sdk.PathDead {
			return nil, fail(sdk.Backoff, diag.New(diag.Unreachable, "the path to the gateway is lost", e.Reason))
		}
	case sdk.NetworkChange:
		if e.Reachable && l.path != nil {
			l.host.Info("The network changed; moving the tunnel.")
			return l.move()
		}
	case sdk.Wake:
		if l.path != nil {
			l.host.Info("The computer slept; looking for the gateway.")
			return l.move()
		}
	case sdk.SAExpired:
		if l.path != nil && e.Path == l.path.ID() {
			return l.m.Expired(time.Now(), e.SPI, e.Hard), nil
		}
	case sdk.Stop:
		return nil, l.stop(e)
	}
	return nil, nil
}

// defaultDeadline is for hosts that give none.
const defaultDeadline = 5 * time.Second

// stop tells the gateway, as long as there is time, and ends the session.
func (l *life) stop(e sdk.Stop) error {
	l.stopping = true
	if !e.Logout {
		l.ended = true
		return nil
	}
	if e.Deadline <= 0 {
		e.Deadline = defaultDeadline
	}
	ctx, cancel := context.WithTimeout(l.ctx, e.Deadline/2)
	defer cancel()
	l.work.Go(func() {
		<-ctx.Done()
		select {
		case l.answers <- func(time.Time) []machine.Effect { return []machine.Effect{machine.Ended{}} }:
		case <-l.ctx.Done():
		}
	})
	return l.do(l.m.Stop(time.Now()))
}

func fail(retry sdk.Retry, d *diag.Diagnostic) error {
	return &sdk.Failure{Retry: retry, Diagnostics: []diag.Diagnostic{*d}}
}

// broken is the end of a path that does not take what was agreed on, most often because
// it has died this moment: a new one is asked for.
func broken(err error) error {
	if err == nil {
		return nil
	}
	return fail(sdk.Now, diag.Of(err))
}
