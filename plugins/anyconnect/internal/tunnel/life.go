package tunnel

import (
	"context"
	"net/url"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
)

// life is the state of one tunnel. Only run touches it; what takes long happens in
// goroutines that report over the channels.
type life struct {
	n      negotiator
	ctx    context.Context // ends with run
	work   sync.WaitGroup
	s      session
	upOnce bool // there was a tunnel before, in this run or an earlier one

	configured bool // settings are in force

	kept    Conn // of the login, good for the first tunnel; nil: none
	path    Path // over TLS; nil: none
	conn    Conn // what path was; nil when path was adopted
	upSince time.Time
	quick   int // tunnels in a row that died at once
	pathMTU int // what the paths carry; 0: no limit known

	connecting context.CancelFunc // nil: no connect is under way
	again      bool               // connect once more after it
	farewell   string             // of the old path while a connect is under way
	connected  chan connectResult
	rekey      *time.Timer

	dtls        dtlsState
	profileOnce sync.Once
}

type connectResult struct {
	granted *granted
	err     error
}

func newLife(host Host, opt Options) *life {
	return &life{
		n:         negotiator{host, opt},
		connected: make(chan connectResult, 1),
		rekey:     stoppedTimer(),
		dtls:      dtlsState{opened: make(chan dtlsResult, 1), timer: stoppedTimer(), rekey: stoppedTimer()},
	}
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// Run goes from a login to the end of the session. It returns nil after a Stop.
//
// kept is the login's connection if it is still open, or nil.
func Run(ctx context.Context, host Host, opt Options, login *auth.Result, keys *auth.Keys, kept Conn) error {
	if err := host.Phase(sdk.Negotiating); err != nil {
		return err
	}
	l := newLife(host, opt)
	l.kept = kept
	l.s = session{Gateway: withoutPath(login.Gateway), Cookie: login.Cookie, Keys: keys, Banner: login.Banner}
	if login.Manifest.URI != "" {
		l.profileOnce.Do(func() {}) // the login has seen to it
	}
	l.save()
	return l.run(ctx, l.connect)
}

// withoutPath keeps what a tunnel is asked of.
func withoutPath(u *url.URL) *url.URL { return &url.URL{Scheme: "https", Host: u.Host, Path: "/"} }

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
		case e, ok := <-l.n.host.Events():
			if !ok {
				return context.Cause(ctx)
			}
			if stop, isStop := e.(sdk.Stop); isStop {
				cancel()
				l.stop(stop)
				return nil
			}
			err = l.event(e)
		case r := <-l.connected:
			err = l.onConnected(r)
		case r := <-l.dtls.opened:
			l.onDTLS(r)
		case <-l.rekey.C:
			l.n.host.Info("Renewing the tunnel's keys.")
			l.connect()
		case <-l.dtls.timer.C:
			l.openDTLS()
		case <-l.dtls.rekey.C:
			l.openDTLS()
		}
		if err != nil {
			return err
		}
	}
}

// leave waits for the goroutines and closes what they still opened.
func (l *life) leave() {
	l.work.Wait()
	for {
		select {
		case r := <-l.connected:
			if r.granted != nil {
				_ = r.granted.conn.Close()
			}
		case r := <-l.dtls.opened:
			if r.conn != nil {
				_ = r.conn.Close()
			}
		default:
			return
		}
	}
}

// connect asks for a tunnel, which will replace the one there is. While one is being
// asked for it starts over afterwards.
func (l *life) connect() {
	l.rekey.Stop()
	if l.connecting != nil {
		l.again = true
		l.connecting()
		return
	}
	ctx, cancel := context.WithCancel(l.ctx)
	l.connecting = cancel
	s, n, kept := l.s, l.n, l.kept
	l.kept = nil
	l.work.Go(func() {
		g, err := n.connect(ctx, s, kept)
		l.connected <- connectResult{g, err}
	})
}

// onConnected puts the new tunnel in place of the old.
func (l *life) onConnected(r connectResult) error {
	l.connecting()
	l.connecting = nil
	if l.again && r.err != nil {
		l.again = false
		l.connect()
		return nil
	}
	l.again = false
	if r.err != nil {
		return l.notConnected(r.err)
	}
	return l.install(r.granted)
}

// install attaches what the gateway granted and puts its settings in force. The host
// has no device before the first settings; later ones wait for the path, which packets
// are waiting for.
func (l *life) install(g *granted) error {
	l.take(g)
	l.save() // a crash must not lose the key that the gateway knows now
	if !l.configured {
		if err := l.configure(); err != nil {
			return sdk.Fail(sdk.Never, err)
		}
	}
	path, err := l.n.host.Attach(l.ctx, g.conn, g.over, cstp.TLSFraming(l.s.Timers), preferTLS, l.path)
	if err != nil {
		return l.notConnected(err)
	}
	l.path, l.conn, l.upSince, l.farewell = path, g.conn, time.Now(), ""
	l.s.TLSPath, l.s.Refused = path.ID(), 0
	// The gateway has dropped what belonged to the tunnel before, DTLS with it.
	l.dropDTLS()
	if l.configured {
		if err := l.configure(); err != nil {
			return sdk.Fail(sdk.Never, err)
		}
	}
	l.upOnce, l.configured = true, true
	l.scheduleRekey()
	l.save()
	l.openDTLS()
	l.fetchProfile(g.config.PostAuthXML)
	return nil
}

// take makes what was granted the session's.
func (l *life) take(g *granted) {
	c := g.config
	l.s.Keys = g.keys // the gateway knows the new key from now on
	l.s.Timers, l.s.DTLS, l.s.MTU, l.s.Master = withDPD(c.Timers, l.n.opt.DPD), c.DTLS, c.MTU, g.master
	l.s.DTLS.Timers = withDPD(c.DTLS.Timers, l.n.opt.DPD)
	l.s.DTLS.PSK = c.DTLS.PSK && g.psk
	l.pathMTU, l.dtls.tries = 0, 0
	settings := netConfig(c, time.Now())
	if settings.Banner == "" {
		settings.Banner = l.s.Banner
	}
	l.s.Net = &settings
}

// configure puts the settings in force with the MTU that holds now.
func (l *life) configure() error {
	if l.s.Net == nil {
		return nil
	}
	l.s.Net.MTU = l.innerMTU()
	return l.n.host.Configure(l.ctx, *l.s.Net)
}

// correctMTU configures again if the MTU is another now.
func (l *life) correctMTU() {
	if l.s.Net == nil || l.s.Net.MTU == l.innerMTU() {
		return
	}
	if err := l.configure(); err != nil {
		l.n.host.Warn("The MTU could not be changed: %v", err)
	}
	l.save()
}

func (l *life) scheduleRekey() {
	l.s.RekeyAt = time.Time{}
	if t := l.s.Timers; t.RekeyEvery > 0 && !t.NoRekey {
		l.s.RekeyAt = l.upSince.Add(early(t.RekeyEvery))
		l.rekey.Reset(time.Until(l.s.RekeyAt))
	}
}

// early is a little before d is over, so that the gateway does not come first.
func early(d time.Duration) time.Duration { return d - min(d/10, 5*time.Second) }

func withDPD(t cstp.Timers, forced time.Duration) cstp.Timers {
	if forced > 0 {
		t.DPD = forced
	}
	return t
}

// fetchProfile looks for a profile once, if only the tunnel's answer names one.
func (l *life) fetchProfile(postAuth string) {
	if postAuth == "" || l.n.opt.Profile == nil {
		return
	}
	l.profileOnce.Do(func() {
		if m := auth.PostAuthManifest(postAuth); m.URI != "" {
			gateway := l.s.Gateway
			l.work.Go(func() { l.n.opt.Profile(l.ctx, gateway, m) })
		}
	})
}

// save tells the host what a later run needs.
func (l *life) save() {
	data, err := l.s.append(nil)
	if err == nil {
		err = l.n.host.Checkpoint(data)
	}
	if err != nil {
		l.n.host.Warn("The session cannot be kept for a restart of the plugin: %v", err)
	}
}
