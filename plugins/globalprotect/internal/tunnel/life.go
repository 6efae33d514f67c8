package tunnel

import (
	"context"
	"reflect"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/sdk"
)

// life is the state of one tunnel. Only run touches it; what takes long happens in
// goroutines that report over the channels.
type life struct {
	n          negotiator
	ctx        context.Context // ends with run
	work       sync.WaitGroup
	st         state
	upOnce     bool // there was a tunnel before, in this run or an earlier one
	configured bool // settings are in force

	esp   esp
	tls   *sdk.Path // nil: none
	since time.Time // of tls
	quick int       // tunnels over TLS in a row that died at once

	connecting context.CancelFunc // nil: no connect is under way
	next       *request           // to connect with after it
	connected  chan grant
	reporting  bool // about the computer
	reported   chan bool

	rekey, hip, again, expiry *time.Timer
}

func newLife(s *sdk.Session, opt Options) *life {
	opt.Pace = opt.Pace.withDefaults()
	return &life{
		n: negotiator{s, opt}, connected: make(chan grant, 1), reported: make(chan bool, 1),
		esp:   esp{timer: stoppedTimer(), drop: stoppedTimer()},
		rekey: stoppedTimer(), hip: stoppedTimer(), again: stoppedTimer(), expiry: stoppedTimer(),
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// Run goes from a login to the end of the session. It returns nil after a Stop.
func Run(ctx context.Context, s *sdk.Session, opt Options, login gp.Session) error {
	if err := s.Phase(sdk.Negotiating); err != nil {
		return err
	}
	l := newLife(s, opt)
	l.st.Session = login
	l.save()
	return l.run(ctx, func() { l.connect(request{}) })
}

// run starts with begin and handles what happens until one of it ends the session.
func (l *life) run(ctx context.Context, begin func()) error {
	ctx, cancel := context.WithCancel(ctx)
	l.ctx = ctx
	defer l.leave()
	defer cancel()
	begin()
	for {
		var err error
		select {
		case e, ok := <-l.n.s.Events():
			if !ok {
				return context.Cause(ctx)
			}
			if stop, isStop := e.(sdk.Stop); isStop {
				cancel()
				l.stop(stop)
				return nil
			}
			err = l.event(e)
		case g := <-l.connected:
			err = l.onConnected(g)
		case sent := <-l.reported:
			l.onReported(sent)
		case <-l.esp.timer.C:
			l.espFailed("nothing came back")
		case <-l.esp.drop.C:
			l.dropOld()
		case <-l.rekey.C:
			l.n.s.Info("Renewing the tunnel's settings and keys.")
			l.connect(request{inPlace: true})
		case <-l.again.C:
			l.espAgain()
		case <-l.hip.C:
			l.report()
		case <-l.expiry.C:
			l.expiring()
		}
		if err != nil {
			return err
		}
	}
}

// leave waits for the goroutines and closes what they still opened.
func (l *life) leave() {
	l.work.Wait()
	select {
	case g := <-l.connected:
		g.close()
	default:
	}
}

// install makes what the gateway granted the tunnel. The host has no device before the
// first settings; later ones wait for the path, which packets are waiting for.
func (l *life) install(g grant) error {
	changed := false
	if g.config != nil {
		changed = l.take(g)
	}
	if !l.configured {
		if err := l.n.s.Configure(l.ctx, *l.st.Net); err != nil {
			g.close()
			return sdk.Fail(sdk.Never, err)
		}
	}
	switch {
	case g.udp != nil:
		l.attachESP(g.udp)
	case g.tls != nil:
		if err := l.attachTLS(g.tls); err != nil {
			return l.notConnected(err)
		}
	default:
		l.renewESP(g)
	}
	if l.configured && changed {
		if err := l.n.s.Configure(l.ctx, *l.st.Net); err != nil {
			return sdk.Fail(sdk.Never, err)
		}
	}
	l.upOnce, l.configured = true, true
	l.save()
	return nil
}

// take makes settings the session's, and says whether the host must know.
func (l *life) take(g grant) (changed bool) {
	now := time.Now()
	c := *g.config
	l.esp.old, l.st.Config = l.esp.spi(l.st.Config), c
	l.st.Session.Cookie = g.session.Cookie
	settings := c.NetConfig(l.n.opt.MTU, now)
	// A lifetime counts from the login, or from now: the earlier end is the one to warn of.
	if end := l.st.Ends; end.After(now) && end.Before(settings.Expires) {
		settings.Expires = end
	}
	l.st.Ends = settings.Expires
	if before := l.st.Net; before != nil {
		same := settings
		same.Expires, same.ScriptOptions = before.Expires, before.ScriptOptions
		changed = !reflect.DeepEqual(same, *before)
	} else {
		l.tellLimits(g)
	}
	l.st.Net = &settings
	l.st.RekeyAt = time.Time{}
	if c.Rekey > 0 {
		l.st.RekeyAt = now.Add(max(c.Rekey-early, c.Rekey/2, leastRekey))
	}
	l.setTimers()
	return changed
}

// tellLimits says once what the user should know.
func (l *life) tellLimits(g grant) {
	if g.config.Lifetime > 0 {
		l.n.s.Info("The session lasts until %s.", time.Now().Add(g.config.Lifetime).Format("Jan 2 15:04"))
	}
	if g.config.Idle > 0 {
		l.n.s.Info("The gateway ends a session without packets for %v.", g.config.Idle)
	}
	if g.config.Quarantined {
		l.n.s.Warn("The gateway has this computer in quarantine; it may let little through.")
	}
	if g.config.NoESP != "" && !l.n.opt.NoESP {
		l.n.s.Warn("No ESP: %s. Packets go over TLS.", g.config.NoESP)
	}
}

// setTimers sets those that follow from the settings.
func (l *life) setTimers() {
	set := func(t *time.Timer, at time.Time) {
		t.Stop()
		if !at.IsZero() {
			t.Reset(max(time.Until(at), 0))
		}
	}
	set(l.rekey, l.st.RekeyAt)
	set(l.expiry, warnAt(l.st.Ends))
	if l.st.HIPAt.IsZero() {
		l.st.HIPAt = time.Now().Add(l.hipInterval())
	}
	set(l.hip, l.st.HIPAt)
}

// lastWarning is how long before a session's end people are told.
const lastWarning = 10 * time.Minute

// warnAt is when something is to be done about a session's end.
func warnAt(end time.Time) time.Time {
	if end.IsZero() || time.Until(end) <= lastWarning {
		return end
	}
	return end.Add(-lastWarning)
}

// expiring warns of the session's end, and then asks whether it has come.
func (l *life) expiring() {
	if left := time.Until(l.st.Ends); left > 0 {
		l.n.s.Warn("The session ends in %v; a new login follows.", left.Round(time.Second))
		l.expiry.Reset(left)
		return
	}
	l.connect(request{inPlace: true})
}

// save tells the host what a later run needs.
func (l *life) save() {
	l.st.ESPPath, l.st.TLSPath = 0, 0
	if l.esp.path != nil {
		l.st.ESPPath = l.esp.path.ID()
	}
	if l.tls != nil {
		l.st.TLSPath = l.tls.ID()
	}
	data, err := l.st.append(nil)
	if err == nil {
		err = l.n.s.Checkpoint(data)
	}
	if err != nil {
		l.n.s.Warn("The session cannot be kept for a restart of the plugin: %v", err)
	}
}
