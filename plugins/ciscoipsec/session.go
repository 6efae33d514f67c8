package main

import (
	"context"
	"errors"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/tunnel"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// session is one login and the tunnel that comes of it.
type session struct {
	*sdk.Session
	ctx  context.Context
	mtu  int
	peer *tunnel.Peer
	path *sdk.Path // nil: there is no tunnel yet
}

// attempt logs in with those credentials. What the login began ends with it.
func (o *options) attempt(ctx, until context.Context, s *sdk.Session, c *credentials, again bool) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	t, err := o.tunnel(ctx, s, c)
	if err != nil {
		return sdk.Fail(sdk.Never, err)
	}
	one := &session{Session: s, ctx: ctx, mtu: o.mtu}
	t.Up = one.up
	one.peer = tunnel.New(tunnel.OnSession(s), t)
	defer one.peer.Close()
	err = one.peer.Begin(ctx, until)
	if err != nil && until.Err() != nil && ctx.Err() == nil {
		return nil
	}
	if err == nil {
		err = one.run()
	}
	return one.verdict(err, again)
}

// run handles what happens until the session ends.
func (s *session) run() error {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !s.peer.Ended() {
		if d := s.peer.Deadline(); !d.IsZero() {
			timer.Reset(max(time.Until(d), 0))
		} else {
			timer.Stop()
		}
		var err error
		select {
		case e, ok := <-s.Events():
			if !ok {
				return context.Cause(s.ctx)
			}
			if stop, is := e.(sdk.Stop); is {
				return s.stop(stop)
			}
			err = s.peer.Event(e)
		case do := <-s.peer.Work():
			err = do()
		case <-timer.C:
			err = s.peer.Tick(time.Now())
		}
		if err != nil {
			return err
		}
	}
	return s.peer.Err()
}

// up makes the tunnel: settings first, then the path.
func (s *session) up(up machine.Up, conn tunnel.Conn) (tunnel.Path, error) {
	if err := s.Phase(sdk.Negotiating); err != nil {
		return nil, err
	}
	up.Settings.MTU = s.mtu
	if err := s.Configure(s.ctx, up.Settings); err != nil {
		return nil, err
	}
	transport, isTransport := conn.(*sdk.Transport)
	if !isTransport {
		return nil, errors.New("the connection is of another host")
	}
	esp := &sdk.ESP{SAs: up.SAs, NATKeepalive: tunnel.NATKeepalive}
	path, err := s.Attach(s.ctx, transport, nil, framing.Spec{MaxPayload: framing.MaxFrame}, sdk.AttachOptions{ESP: esp})
	if err != nil {
		return nil, err
	}
	s.path = path
	return path, nil
}

// stop ends the session, and with a logout tells the gateway.
func (s *session) stop(e sdk.Stop) error {
	if !e.Logout {
		return nil
	}
	if err := s.peer.Stop(); err != nil || s.path == nil {
		return err
	}
	return s.path.Close()
}

// verdict has a session end that never came up, but for one that is begun again, and
// names our options.
func (s *session) verdict(err error, again bool) error {
	err = tries.First(err, s.path != nil || again)
	var f *sdk.Failure
	if !errors.As(err, &f) {
		return err
	}
	out := &sdk.Failure{Retry: f.Retry}
	for _, d := range f.Diagnostics {
		if d.Option == "psk" {
			d = *(&d).With("group-password")
		}
		out.Diagnostics = append(out.Diagnostics, d)
	}
	return out
}
