package tunnel

import (
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/sdk"
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
	s.addresses = nil
	for _, a := range settings.Addresses {
		s.addresses = append(s.addresses, a.Addr())
	}
	p.behindNAT = up.BehindNAT
	if err := p.attach(up.SAs, s.now.path); err != nil {
		return err
	}
	if first := p.conns[portIKE]; first != nil {
		_ = first.Close()
		delete(p.conns, portIKE)
	}
	return s.takeOver(p)
}

// takeOver has p be the session's, and says goodbye to who was it.
func (s *session) takeOver(p *peer) error {
	old := s.now
	if old == p {
		return nil
	}
	s.now, s.coming = p, nil
	if old.over {
		return nil
	}
	s.leaving = append(s.leaving, old)
	return old.do(old.m.Stop(time.Now()))
}

// attach makes the transport that the machine uses the path, in place of the one before.
func (p *peer) attach(sas []sdk.SA, replaces Path) error {
	esp := &sdk.ESP{SAs: sas, ECN: true}
	if p.behindNAT && !p.tcp {
		esp.NATKeepalive = natKeepalive
	}
	port := p.natt()
	conn := p.conns[port]
	delete(p.conns, port)
	path, err := p.s.host.Attach(p.s.ctx, conn, esp, replaces)
	if err != nil {
		return err
	}
	p.path = path
	return nil
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
	}
	return nil
}

// broken is the end of the session when its path does not take something. That of who
// leaves may be gone.
func (p *peer) broken(err error) error {
	if slices.Contains(p.s.leaving, p) {
		return nil
	}
	return broken(err)
}
