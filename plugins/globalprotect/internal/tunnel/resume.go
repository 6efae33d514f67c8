package tunnel

import (
	"context"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
)

// Resume goes on with the session of a checkpoint, without asking anybody: with the
// path that runs on if there is one, else with new settings by the session's cookie.
// false means that the checkpoint is of no use.
func Resume(ctx context.Context, s *sdk.Session, opt Options, r *sdk.Resumption) (bool, error) {
	st, err := parseState(r.Checkpoint)
	if err != nil {
		_, err := s.Adopt()
		return false, err
	}
	l := newLife(s, opt)
	l.st, l.upOnce, l.configured = st, true, r.Configured
	if err := l.adopt(r); err != nil {
		return true, err
	}
	if l.esp.path == nil && l.tls == nil {
		if err := s.Phase(sdk.Negotiating); err != nil {
			return true, err
		}
		return true, l.run(ctx, func() { l.connect(request{}) })
	}
	return true, l.run(ctx, l.goOn)
}

// adopt takes over one path: that of ESP if there is one.
func (l *life) adopt(r *sdk.Resumption) error {
	for _, id := range []uint32{l.st.ESPPath, l.st.TLSPath} {
		there := slices.ContainsFunc(r.Installed, func(p sdk.InstalledPath) bool { return p.ID == id })
		if id == 0 || !there || !r.Configured || l.st.Net == nil {
			continue
		}
		paths, err := l.n.s.Adopt(id)
		if err != nil {
			return err
		}
		if id == l.st.ESPPath {
			l.esp.path, l.esp.up = paths[0], true
		} else {
			l.tls = paths[0]
		}
		return nil
	}
	_, err := l.n.s.Adopt()
	return err
}

// goOn sets the timers of an adopted tunnel.
func (l *life) goOn() {
	l.n.s.Info("The plugin was restarted; the tunnel goes on.")
	l.since = time.Now()
	l.setTimers()
	if !l.st.ESPAt.IsZero() {
		l.again.Reset(max(time.Until(l.st.ESPAt), 0))
	}
	l.save()
}
