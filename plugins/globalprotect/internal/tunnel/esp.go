package tunnel

import (
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/config"
	"github.com/penstock-vpn/penstock/sdk"
)

// esp is the part of a life that is about ESP.
type esp struct {
	path  *sdk.Path   // nil: none
	up    bool        // the gateway has answered
	timer *time.Timer // until it must have
	old   uint32      // SPI that is replaced, 0: none
	drop  *time.Timer // after which old goes
}

// spi is what packets come with now.
func (e *esp) spi(c config.Config) uint32 {
	if e.path == nil || c.ESP == nil {
		return 0
	}
	return c.ESP.Receive.SPI
}

// attachESP makes udp the path; it carries packets after the gateway's answer.
func (l *life) attachESP(udp *sdk.Transport) {
	receive, send := l.st.Config.ESP.SAs()
	spec, _ := l.st.Config.ESPFraming(espDPD(l.n.opt.DPD))
	path, err := l.n.s.Attach(l.ctx, udp, nil, spec, sdk.AttachOptions{
		Preference: preferESP, Replaces: l.esp.path, ESP: &sdk.ESP{SAs: []sdk.SA{receive, send}},
	})
	if err != nil {
		l.n.s.Warn("ESP cannot be used: %v", err)
		l.espFailed(err.Error())
		return
	}
	l.esp.path, l.esp.up, l.esp.old = path, false, 0
	l.esp.timer.Reset(l.espPatience())
	l.again.Stop()
	l.st.ESPAt = time.Time{}
	l.report()
}

// espPatience is for the first answer: the protocol's, but less while packets wait on
// a way that did not work before.
func (l *life) espPatience() time.Duration {
	if l.st.Failures > 0 && l.tls == nil {
		return min(l.n.opt.Pace.ESPAnswer, 2*time.Second)
	}
	return l.n.opt.Pace.ESPAnswer
}

// espUp is the gateway's first answer.
func (l *life) espUp() {
	l.esp.timer.Stop()
	l.esp.up, l.st.Failures = true, 0
	l.n.s.Debug("ESP tunnel connected (%s).", l.st.Config.ESP.Suite)
	if l.tls != nil {
		_ = l.tls.Close()
		l.tls = nil
	}
	l.save()
}

// espFailed goes on over TLS, and plans to come back.
func (l *life) espFailed(reason string) {
	if l.esp.up {
		l.n.s.Info("ESP is lost (%s); going on over TLS.", reason)
	} else {
		l.n.s.Info("ESP does not get through (%s); going on over TLS.", reason)
		l.st.CBC = l.st.CBC || l.st.Config.ESP.AEAD()
	}
	l.closeESP()
	l.st.Failures++
	l.planESP()
	l.save()
	if l.connecting == nil {
		l.connect(request{stream: true})
	}
}

func (l *life) closeESP() {
	l.esp.timer.Stop()
	l.esp.drop.Stop()
	if l.esp.path != nil {
		_ = l.esp.path.Close()
	}
	l.esp.path, l.esp.up, l.esp.old = nil, false, 0
}

// planESP sets when ESP is tried again.
func (l *life) planESP() {
	pause := l.n.opt.Pace.ESPAgain
	for range min(l.st.Failures, 16) - 1 {
		pause *= 2
	}
	l.st.ESPAt = time.Now().Add(min(pause, longestPause))
	l.again.Reset(time.Until(l.st.ESPAt))
}

// espAgain gives ESP another try: without the tunnel over TLS, beside which it would
// not work, and with new settings.
func (l *life) espAgain() {
	l.st.ESPAt = time.Time{}
	if l.esp.path != nil || !l.n.usable(l.st.Config) {
		return
	}
	if l.connecting != nil {
		l.planESP()
		return
	}
	l.n.s.Debug("Trying ESP again.")
	if l.tls != nil {
		_ = l.tls.Close()
		l.tls = nil
	}
	l.connect(request{})
}

// renewESP goes on with new keys on the path there is: first those to receive with.
func (l *life) renewESP(g grant) {
	if l.esp.path == nil { // it died meanwhile
		l.connect(request{stream: true})
		return
	}
	receive, send := g.config.ESP.SAs()
	for _, sa := range []sdk.SA{receive, send} {
		if err := l.esp.path.InstallSA(l.ctx, sa); err != nil {
			l.n.s.Warn("The new keys of ESP cannot be used: %v", err)
			l.espFailed("it was not renewed")
			return
		}
	}
	l.esp.drop.Reset(l.n.opt.Pace.Linger)
}

// dropOld removes the keys that a rekey replaced.
func (l *life) dropOld() {
	if l.esp.path == nil || l.esp.old == 0 {
		return
	}
	if err := l.esp.path.RemoveSA(l.ctx, l.esp.old); err != nil {
		l.n.s.Debug("Removing old keys of ESP: %v", err)
	}
	l.esp.old = 0
}
