package tunnel

import (
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// install makes the tunnel: settings first, then the path. Where there is a tunnel
// already, its path is replaced, and who it was with is told so.
func (p *peer) install(up machine.Up) error {
	s := p.s
	if !s.up() {
		if err := s.host.Phase(sdk.Negotiating); err != nil {
			return err
		}
	}
	settings := up.Settings
	settings.MTU = s.o.MTU
	if err := s.host.Configure(s.ctx, settings); err != nil {
		return err
	}
	s.settings, s.addresses = settings, nil
	for _, a := range settings.Addresses {
		s.addresses = append(s.addresses, a.Addr())
	}
	if p.path != nil {
		if err := p.replace(up.SAs); err != nil {
			return tries.Broken(err)
		}
		return s.takeOver(p)
	}
	if err := p.attach(up.SAs, up.Way, s.now.path); err != nil {
		return err
	}
	if first := p.conns[portIKE]; first != nil {
		_ = first.Close()
		delete(p.conns, portIKE)
	}
	return s.takeOver(p)
}

// takeOver has p be the session's, and says goodbye to who was it: over the path that both
// share, or else over a transport of its own, as its path sends no more.
func (s *session) takeOver(p *peer) error {
	old := s.now
	p.up = true
	if old == p {
		return nil
	}
	s.now, s.coming = p, nil
	if old.path != p.path {
		old.path, old.inbound = nil, nil
	}
	old.left = true
	if old.over {
		return old.removeAll()
	}
	s.leaving = append(s.leaving, old)
	return old.do(old.m.Stop(time.Now()))
}

// attach makes the transport that the machine uses the path, in place of the one before.
func (p *peer) attach(sas []sdk.SA, way machine.Way, replaces Path) error {
	esp := &sdk.ESP{SAs: sas, ECN: true, Fragment: !p.tcp}
	if way.BehindNAT && !p.tcp {
		esp.NATKeepalive = natKeepalive
	}
	var rules framing.Rules
	var conn Conn
	if p.plain = way.Plain; p.plain {
		var err error
		if conn, rules, err = p.openPlain(); err != nil {
			p.s.host.Info("ESP goes in UDP, since it cannot go alone: %v", err)
			p.ousts = replaces
			return p.encapsulate()
		}
	} else {
		port := p.natt()
		conn = p.conns[port]
		delete(p.conns, port)
	}
	if replaces == nil {
		replaces = p.ousts
	}
	path, err := p.s.host.Attach(p.s.ctx, conn, esp, rules, replaces)
	if err != nil {
		return err
	}
	p.ousts = nil
	p.path, p.inbound = path, nil
	p.note(sas...)
	return nil
}

// note remembers which inbound SAs the path has.
func (p *peer) note(sas ...sdk.SA) {
	for _, sa := range sas {
		if sa.Direction == sdk.Inbound {
			p.inbound = append(p.inbound, sa.SPI)
		}
	}
}

// move has the machine go on from a new address.
func (p *peer) move() ([]machine.Effect, error) {
	if old := p.conns[p.natt()]; old != nil {
		_ = old.Close()
		delete(p.conns, p.natt())
	}
	conn, err := p.open(p.s.ctx, p.address, p.natt())
	if err != nil {
		return nil, err
	}
	return p.m.Move(time.Now(), conn.Info().Local, conn.Info().Remote), nil
}

// replace installs SAs, the inbound one first.
func (p *peer) replace(sas []sdk.SA) error {
	for _, sa := range sas {
		if err := p.path.InstallSA(p.s.ctx, sa); err != nil {
			return err
		}
		p.note(sa)
	}
	return nil
}

func (p *peer) remove(spi uint32) error {
	p.inbound = slices.DeleteFunc(p.inbound, func(x uint32) bool { return x == spi })
	return p.path.RemoveSA(p.s.ctx, spi)
}

// removeAll is for who has left a path that another goes on with.
func (p *peer) removeAll() error {
	for _, spi := range slices.Clone(p.inbound) {
		if err := p.remove(spi); err != nil {
			return tries.Broken(err)
		}
	}
	return nil
}
