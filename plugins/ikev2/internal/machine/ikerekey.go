package machine

import (
	"errors"
	"slices"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
)

// renewIKE begins to replace the IKE SA, whose children go on under the new one.
func (m *Machine) renewIKE() error {
	if m.leaving {
		return nil
	}
	if m.renewing != nil {
		m.tryLater(nil)
		return nil
	}
	if d := m.pending; d != nil {
		if d.old != nil {
			m.tryLater(nil)
		}
		return nil
	}
	spi, err := m.random(8)
	if err != nil {
		return err
	}
	// As strong as before: what the gateway has done once it may do again.
	offer := offersWith(m.c.IKE, len(m.sa().suite.Additional) > 0)
	return m.renew(&renewal{offer: offer, spi: spi}, m.sa().suite.Group.ID)
}

func (m *Machine) scheduleIKE(sa *ikeSA) error {
	return m.schedule(m.c.IKELife, func() error {
		if sa != m.sa() {
			return nil
		}
		return m.renewIKE()
	})
}

// ikeRenewed puts the new IKE SA in the place of the old one.
func (m *Machine) ikeRenewed(old *ikeSA, r *renewal, g *grant, loses bool) error {
	if len(g.choice.SPI) != 8 || g.secret == nil {
		return strange(errors.New("no SPI, or no key exchange"))
	}
	sa, err := m.successor(old, g.choice, ikeKeys{g.secret, g.further, r.ni, g.nonce, ike.SPI(r.spi), ike.SPI(g.choice.SPI), true})
	if err != nil {
		return strange(err)
	}
	m.sas = append(m.sas, sa)
	if loses {
		m.deleteIKE(sa)
		m.yield(r) // the gateway deletes the old one
		return nil
	}
	m.promote(old, sa)
	m.deleteIKE(old)
	if rival, isSA := r.rival.(*ikeSA); isSA {
		m.forgetLater(rival) // the gateway deletes it, unless it never learns of it
	}
	return m.scheduleIKE(sa)
}

// ikeKeys is what the keys of a new IKE SA are made of.
type ikeKeys struct {
	secret     []byte
	further    [][]byte // secrets of key exchanges that followed
	ni, nr     []byte
	ours, peer ike.SPI
	initiator  bool
}

func (m *Machine) successor(old *ikeSA, p ike.Proposal, k ikeKeys) (*ikeSA, error) {
	suite, err := keys.ChosenSuite(p)
	if err != nil {
		return nil, err
	}
	sa := &ikeSA{initiator: k.initiator, ours: k.ours, peer: k.peer, suite: suite, fragments: old.fragments}
	i, r := sa.spis()
	sa.schedule = suite.Successor(old.schedule, old.suite.PRF, k.secret, k.ni, k.nr, i, r, k.further...)
	sa.protection, err = suite.Protect(sa.schedule, k.initiator, m.c.Random)
	m.showKeys(sa)
	return sa, err
}

// promote makes sa the current one, and moves to it what has not begun.
func (m *Machine) promote(old, sa *ikeSA) {
	if m.sa() != old {
		return // it has happened already, and perhaps more
	}
	m.sas = append([]*ikeSA{sa}, slices.DeleteFunc(m.sas, func(x *ikeSA) bool { return x == sa })...)
	old.replaced = true
	sa.queue = append(sa.queue, old.queue...)
	old.queue = nil
	m.advance(sa)
}

// deleteIKE tells the gateway that an IKE SA is over. Silence is as good as its answer.
func (m *Machine) deleteIKE(sa *ikeSA) {
	gone := func() error { m.forgetLater(sa); return nil }
	m.request(sa, &exchange{
		kind:       ike.Informational,
		stays:      true,
		build:      func() []ike.Payload { return []ike.Payload{&ike.Delete{Protocol: ike.ProtocolIKE}} },
		answer:     func(*ikeSA, []ike.Payload) error { return gone() },
		unanswered: gone,
	})
}

// forgetLater ends an IKE SA that is deleted. Until then the gateway may repeat what it
// has not seen an answer to.
func (m *Machine) forgetLater(sa *ikeSA) {
	m.after(repeating, func() error { m.forgetIKE(sa); return nil })
}

// forgetIKE is the end of an IKE SA that was replaced, and of what waits for an answer by it.
func (m *Machine) forgetIKE(sa *ikeSA) {
	m.follow(sa)
	if r := m.renewing; r != nil && r.sa == sa {
		m.renewing = nil
		m.tryLater(r.old)
	}
	m.sas = slices.DeleteFunc(m.sas, func(x *ikeSA) bool { return x == sa && len(m.sas) > 1 })
}

// follow asks again by the current IKE SA what the gateway has not answered by one that
// it has deleted.
func (m *Machine) follow(sa *ikeSA) {
	if o := sa.outstanding; o != nil && !o.x.stays && sa != m.sa() {
		sa.outstanding = nil
		m.request(m.sa(), o.x)
	}
}
