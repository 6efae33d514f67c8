package ppp

import "time"

// Saved is what another machine needs to go on with a link that is up.
type Saved struct {
	Magic                    uint32
	Login                    Method
	MRU                      int // of the longest packet that the peer takes
	ShortProtocol, NoAddress bool
	Network                  Network
}

// Saved is nil while nothing is up.
func (m *Machine) Saved() *Saved {
	if m.shown == nil {
		return nil
	}
	p := m.lcp.peer
	return &Saved{m.lcp.magic, p.login, p.mru, p.pfc, p.acfc, *m.shown}
}

// Resume makes a machine for a link that is up. Begin is not called for it.
func Resume(now time.Time, c Config, s Saved) *Machine {
	m := New(c)
	m.now = now
	m.lcp.begin()
	m.lcp.magic = s.Magic
	m.lcp.peer = link{mru: s.MRU, login: s.Login, pfc: s.ShortProtocol, acfc: s.NoAddress}
	m.link.state, m.let, m.begun, m.shown = opened, true, true, &s.Network
	m.auth = newLogin(m)
	for _, n := range m.nets {
		n.gone = !n.layer.(agreed).resume(s.Network)
		if n.state = opened; n.gone {
			n.state = stopped
		}
	}
	return m
}
