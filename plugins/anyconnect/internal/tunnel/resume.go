package tunnel

import (
	"context"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
)

// Resume goes on with the session of a checkpoint, without asking anybody: with the
// paths that run on if there are any, else with a new tunnel by the session's cookie.
// false means that the checkpoint is of no use.
func Resume(ctx context.Context, host Host, opt Options, r *sdk.Resumption) (bool, error) {
	s, err := parseSession(r.Checkpoint)
	if err != nil {
		_, err := host.Adopt()
		return false, err
	}
	l := newLife(host, opt)
	l.s, l.upOnce, l.configured = s, true, r.Configured
	l.profileOnce.Do(func() {})
	if err := l.adopt(r); err != nil {
		return true, err
	}
	if l.path == nil {
		if err := host.Phase(sdk.Negotiating); err != nil {
			return true, err
		}
		return true, l.run(ctx, l.connect)
	}
	return true, l.run(ctx, l.goOn)
}

// adopt takes over the tunnel over TLS, and DTLS only beside it.
func (l *life) adopt(r *sdk.Resumption) error {
	var ids []uint32
	for _, id := range []uint32{l.s.TLSPath, l.s.DTLSPath} {
		if id != 0 && r.Configured && installed(r, id) && installed(r, l.s.TLSPath) {
			ids = append(ids, id)
		}
	}
	paths, err := l.n.host.Adopt(ids...)
	if err != nil {
		return err
	}
	l.s.TLSPath, l.s.DTLSPath = 0, 0
	if len(paths) > 0 {
		l.path, l.s.TLSPath = paths[0], paths[0].ID()
	}
	if len(paths) > 1 {
		l.dtls.path, l.s.DTLSPath = paths[1], paths[1].ID()
	}
	return nil
}

func installed(r *sdk.Resumption, id uint32) bool {
	for _, p := range r.Installed {
		if p.ID == id {
			return true
		}
	}
	return false
}

// goOn sets the timers of an adopted tunnel.
func (l *life) goOn() {
	l.n.host.Info("The plugin was restarted; the tunnel goes on.")
	l.upSince = time.Now()
	if !l.s.RekeyAt.IsZero() {
		l.rekey.Reset(max(time.Until(l.s.RekeyAt), 0))
	}
	l.save()
	if l.dtls.path == nil {
		l.openDTLS()
	} else if t := l.s.DTLS.Timers; t.RekeyEvery > 0 && !t.NoRekey {
		l.dtls.rekey.Reset(early(t.RekeyEvery))
	}
}

// addresses are those of the session so far.
func (s session) addresses() []netip.Prefix {
	if s.Net == nil {
		return nil
	}
	return s.Net.Addresses
}
