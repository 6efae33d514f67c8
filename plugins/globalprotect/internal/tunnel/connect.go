package tunnel

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/config"
	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// request is what is to be connected.
type request struct {
	stream  bool // over TLS, with the settings there are
	inPlace bool // the path of ESP can go on with new keys
}

// grant is what came of it: settings, and an open transport for them if one is needed.
type grant struct {
	session gp.Session
	config  *config.Config // nil: those there are
	udp     *sdk.Transport
	tls     *sdk.Transport
	err     error
}

func (g grant) close() {
	for _, t := range []*sdk.Transport{g.udp, g.tls} {
		if t != nil {
			_ = t.Close()
		}
	}
}

// connect begins; while something is being connected it follows afterwards, and that
// is given up.
func (l *life) connect(rq request) {
	if l.connecting != nil {
		l.next = &rq
		l.connecting()
		return
	}
	l.rekey.Stop()
	ctx, cancel := context.WithCancel(l.ctx)
	l.connecting = cancel
	n, st := l.n, l.st
	inPlace := rq.inPlace && l.esp.up
	l.work.Go(func() {
		if rq.stream {
			t, err := n.openTLS(ctx, st.Session, st.Config.TunnelPath)
			l.connected <- grant{session: st.Session, tls: t, err: err}
			return
		}
		l.connected <- n.fresh(ctx, st, inPlace)
	})
}

// fresh asks for settings and opens what they allow: nothing more if the path of ESP
// can go on, else ESP, else TLS.
func (n negotiator) fresh(ctx context.Context, st state, inPlace bool) grant {
	ctx, cancel := context.WithTimeout(ctx, 2*requestTimeout)
	defer cancel()
	at := st.Session.Gateway.Hostname()
	c := n.client(func(i sdk.Info) {
		if i.Remote.Addr().IsValid() {
			at = i.Remote.Addr().String() // a name may have several, of which one has the keys
		}
	})
	defer c.Close()
	g := grant{session: st.Session}
	got, err := n.settings(ctx, c, st.Session, st.Config.Addresses, st.CBC)
	if err != nil {
		return grant{err: err}
	}
	g.config = &got
	if n.usable(got) {
		if inPlace && got.SameWay(st.Config) {
			return g
		}
		if ctx.Err() != nil {
			return grant{err: context.Cause(ctx)}
		}
		g.udp, err = n.s.OpenUDP(ctx, at, got.ESP.Port)
		if err == nil {
			return g
		}
		n.s.Debug("ESP: %v", err)
	}
	n.hipCheck(ctx, c, st.Session, got.Addresses)
	c.Close()
	g.tls, g.err = n.openTLS(ctx, st.Session, got.TunnelPath)
	return g
}

// usable says whether ESP can be tried.
func (n negotiator) usable(c config.Config) bool {
	if n.opt.NoESP || c.ESP == nil {
		return false
	}
	_, answers := c.ESPFraming(espDPD(n.opt.DPD))
	return answers
}

// onConnected puts what was granted in force.
func (l *life) onConnected(g grant) error {
	l.connecting()
	l.connecting = nil
	if next := l.next; next != nil {
		l.next = nil
		g.close()
		l.connect(*next)
		return nil
	}
	if g.err != nil {
		return l.notConnected(g.err)
	}
	return l.install(g)
}

// retryRekey is the pause after a rekey that did not work while the tunnel lives: some
// gateways take a cookie for one tunnel only, which may go on for long.
const retryRekey = time.Minute

// notConnected decides what a failed connect means.
func (l *life) notConnected(err error) error {
	d := diag.Of(err)
	var decided *sdk.Failure
	switch {
	case context.Cause(l.ctx) != nil:
		return context.Cause(l.ctx)
	case errors.As(err, &decided):
		return decided
	case !l.upOnce:
		return sdk.Fail(sdk.Never, l.n.opt.blame(err, d))
	case d.Code == diag.AuthRefused && !l.st.Ends.IsZero() && time.Until(l.st.Ends) <= 0:
		return sdk.Fail(sdk.Reauth, diag.New(diag.SessionEnded, "the session's lifetime is over", "Log in again."))
	case l.esp.up || l.tls != nil:
		l.n.s.Warn("The tunnel was not renewed: %v. The old one goes on.", d)
		l.rekey.Reset(retryRekey)
		return nil
	case d.Code == diag.AuthRefused:
		return sdk.Fail(sdk.Reauth, d)
	case slices.Contains([]diag.Code{diag.Protocol, diag.Certificate, diag.Config, diag.Cancelled}, d.Code):
		return sdk.Fail(sdk.Never, d)
	}
	return sdk.Fail(sdk.Backoff, d)
}

// blame makes a refusal one of the cookie, if that is the user's.
func (o Options) blame(err error, d *diag.Diagnostic) *diag.Diagnostic {
	if o.CookieOption == "" || gp.KindOf(err) != gp.Dead && d.Code != diag.AuthRefused {
		return d
	}
	return diag.New(diag.AuthRefused, "the session cookie opens no tunnel: "+d.Summary,
		"The cookie's session has ended, or is another gateway's. Log in for a new one, or remove it to log in here.").With(o.CookieOption)
}

// attachTLS makes t the path, in place of what there was.
func (l *life) attachTLS(t *sdk.Transport) error {
	path, err := l.n.s.Attach(l.ctx, t, nil, tlsFraming(l.n.opt.DPD), sdk.AttachOptions{Preference: preferTLS, Replaces: l.tls})
	if err != nil {
		return err
	}
	l.tls, l.since = path, time.Now()
	l.closeESP() // its keys are worth nothing any more
	if l.n.usable(l.st.Config) && l.st.ESPAt.IsZero() {
		l.planESP()
	}
	return nil
}

// tlsDead asks for a new tunnel, unless ESP is there or new ones keep dying.
func (l *life) tlsDead(reason string) error {
	l.tls = nil
	if l.esp.path != nil || l.connecting != nil || l.reporting {
		return nil
	}
	if time.Since(l.since) < quickDeath {
		l.quick++
	} else {
		l.quick = 0
	}
	if l.quick >= quickDeaths {
		return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway accepts the tunnel and drops it again ("+reason+")", "Trying again after a pause."))
	}
	l.n.s.Info("The tunnel is lost (%s); connecting again.", reason)
	l.connect(request{})
	return nil
}

const (
	quickDeath  = 5 * time.Second // a tunnel that lives less is no tunnel
	quickDeaths = 3
)
