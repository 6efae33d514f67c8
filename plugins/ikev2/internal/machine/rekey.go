package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// renewal is an exchange of ours that makes a new SA in place of an old one. When the
// gateway asks for the same at the same time, there are two new ones for a moment: the
// one with the lowest of the four nonces goes (RFC 7296 section 2.8.1).
type renewal struct {
	old      *child // nil: it is the IKE SA that is renewed
	offer    []ike.Proposal
	spi      []byte // ours, of the new SA
	group    *keys.Group
	exchange keys.Exchange // nil: none
	ni       []byte
	attempts int
	sa       *ikeSA // the request was sent by it; nil: it was not sent yet
	grant    *grant // what the gateway chose, while further key exchanges follow; nil: none do

	// rival is what the gateway asked for at the same time: a *child or an *ikeSA that it
	// has, or a *demand whose further key exchanges are to come; nil: nothing.
	rival  any
	lowest []byte // of its nonces
}

// grant is what a new SA is made of.
type grant struct {
	choice  ike.Proposal
	secret  []byte   // nil: there was no key exchange
	further [][]byte // of those that followed
	nonce   []byte   // the gateway's
}

// pauses before things are tried again, and after which things are forgotten.
const (
	retryRekey = 10 * time.Second
	lingering  = 5 * time.Second // packets under way when keys change
	repeating  = time.Minute     // of what has not been answered
)

// Expired is told that an SA of the current child is to be replaced, or is over.
func (m *Machine) Expired(now time.Time, spi uint32, hard bool) []Effect {
	return m.step(now, func() error {
		c := m.kid(func(c *child) bool { return c.in == spi || c.out == spi })
		switch {
		case c == nil || c != m.child():
			return nil
		case hard:
			return sdk.Fail(sdk.Now, diag.New(diag.SessionEnded, "the tunnel's keys are used up", "Connecting again."))
		}
		return m.renewChild(c)
	})
}

// schedule has f done when life is nearly over; not by everybody at once.
func (m *Machine) schedule(life time.Duration, f func() error) error {
	if life <= 0 {
		return nil
	}
	b, err := m.random(1)
	if err != nil {
		return err
	}
	early := life / 10
	m.after(life-early*time.Duration(b[0])/255, f)
	return nil
}

func (m *Machine) scheduleChild(c *child) error {
	return m.schedule(m.c.ChildLife, func() error {
		if c != m.child() {
			return nil
		}
		return m.renewChild(c)
	})
}

// renewChild begins to replace c, unless that is under way.
func (m *Machine) renewChild(c *child) error {
	if c.successor != nil || m.leaving {
		return nil
	}
	if m.renewing != nil { // one at a time
		if m.renewing.old != c {
			m.tryLater(c)
		}
		return nil
	}
	if d := m.pending; d != nil {
		if d.old != c {
			m.tryLater(c)
		}
		return nil
	}
	spi, err := m.newSPI()
	if err != nil {
		return err
	}
	r := &renewal{old: c, offer: m.renewalOffer(), spi: spiBytes(spi)}
	return m.renew(r, firstGroup(r.offer))
}

// renewalOffer is the offer for a new child: with the key exchanges that the user named,
// or else with those of the IKE SA, any other group that is not weak, or none.
func (m *Machine) renewalOffer() []ike.Proposal {
	var strong, out []ike.Proposal
	suite := m.sa().suite
	for _, plain := range m.c.ESP {
		if p := (proposal{plain}); p.count(ike.KeyExchange) > 0 {
			out = append(out, plain)
			continue
		}
		p := withGroups(plain, suite.Group)
		if additional([]ike.Proposal{p.Proposal}) {
			out = append(out, p.Proposal)
			continue
		}
		if len(suite.Additional) > 0 {
			more := withGroups(plain, suite.Group)
			for i, g := range suite.Additional {
				more.add(ike.AdditionalKE1+ike.TransformType(i), g.ID, 0)
			}
			strong = append(strong, more.Proposal)
		}
		p.add(ike.KeyExchange, 0, 0)
		out = append(out, p.Proposal)
	}
	return numbered(append(strong, out...)...)
}

// withGroups is p with a group, and all the others that are not weak.
func withGroups(p ike.Proposal, best *keys.Group) proposal {
	p.Transforms = slices.Clone(p.Transforms)
	out := proposal{p}
	out.add(ike.KeyExchange, best.ID, 0)
	for _, g := range keys.Groups {
		if !g.Weak {
			out.add(ike.KeyExchange, g.ID, 0)
		}
	}
	return out
}

func firstGroup(offer []ike.Proposal) uint16 {
	id, _ := firstTransform(offer, ike.KeyExchange)
	return id
}

// renew sends the request, with a public value of that group; 0: with none.
func (m *Machine) renew(r *renewal, group uint16) (err error) {
	if r.attempts++; r.attempts > maxAttempts {
		return m.renewLater(r)
	}
	r.sa = nil
	if r.ni, err = m.random(32); err != nil {
		return err
	}
	r.group, r.exchange = nil, nil
	if group != 0 {
		if r.group, err = keys.FindGroup(group); err != nil {
			return err
		}
		if r.exchange, err = r.group.Begin(m.c.Random); err != nil {
			return err
		}
	}
	m.renewing = r
	began := m.sa()
	m.request(began, &exchange{
		kind:   ike.CreateChildSA,
		stays:  true,
		build:  func() []ike.Payload { return m.renewalRequest(r, began) },
		answer: func(by *ikeSA, p []ike.Payload) error { return m.renewed(by, r, p) },
	})
	return nil
}

func (m *Machine) renewalRequest(r *renewal, began *ikeSA) []ike.Payload {
	quicker := r.old == nil && began != m.sa() || r.old != nil && (r.old != m.child() || r.old.successor != nil)
	if quicker || m.pending != nil && m.pending.old == r.old {
		m.renewing = nil
		return nil // the gateway was quicker
	}
	r.sa = m.sa()
	var all []ike.Payload
	if r.old != nil {
		all = append(all, &ike.Notify{Protocol: ike.ProtocolESP, Kind: ike.RekeySA, SPI: spiBytes(r.old.in)})
	}
	all = append(all, &ike.SA{Proposals: withSPI(r.offer, r.spi)}, ike.Nonce(r.ni))
	if r.exchange != nil {
		all = append(all, &ike.KE{Group: r.group.ID, Data: r.exchange.Public()})
	}
	if r.old != nil {
		all = append(all, &ike.TS{Selectors: r.old.tsi}, &ike.TS{Responder: true, Selectors: r.old.tsr})
	}
	return all
}

// renewed takes the gateway's answer.
func (m *Machine) renewed(sa *ikeSA, r *renewal, payloads []ike.Payload) error {
	if m.renewing == r {
		m.renewing = nil
	}
	if n := notification(payloads, ike.InvalidKEPayload); n != nil && len(n.Data) == 2 {
		id := binary.BigEndian.Uint16(n.Data)
		if !slices.ContainsFunc(r.offer, func(p ike.Proposal) bool { return p.Has(ike.Transform{Type: ike.KeyExchange, ID: id}) }) {
			return m.renewLater(r)
		}
		return m.renew(r, id)
	}
	if n := refusal(payloads); n != nil {
		return m.renewalRefused(r, n)
	}
	choice, nonce := first[*ike.SA](payloads), first[ike.Nonce](payloads)
	if choice == nil || len(choice.Proposals) != 1 || nonce == nil {
		return strange(errors.New("SA or Nonce is missing"))
	}
	p := choice.Proposals[0]
	if err := accepted(r.offer, p); err != nil {
		return strange(err)
	}
	secret, err := r.secret(p, first[*ike.KE](payloads))
	if err != nil {
		return strange(err)
	}
	left, err := keys.Additional(p)
	if err != nil {
		return strange(err)
	}
	g := &grant{choice: p, secret: secret, nonce: bytes.Clone(nonce)}
	loses := r.rival != nil && bytes.Compare(lower(r.ni, nonce), r.lowest) < 0
	if d, waits := r.rival.(*demand); waits && !loses {
		r.rival = nil
		if m.pending == d {
			m.pending = nil
		}
	}
	switch {
	case len(left) == 0:
		return m.granted(sa, r, g, loses)
	case loses: // there is nothing to delete yet
		m.yield(r)
		return nil
	}
	return m.followUp(sa, r, g, left, notification(payloads, ike.AdditionalKeyExchange))
}

// granted makes the new SA. One that loses against the gateway's is deleted at once.
func (m *Machine) granted(sa *ikeSA, r *renewal, g *grant, loses bool) error {
	if r.old == nil {
		return m.ikeRenewed(sa, r, g, loses)
	}
	return m.childRenewed(sa, r, g, loses)
}

// yield has the gateway's new SA take the place; false: it has none.
func (m *Machine) yield(r *renewal) bool {
	switch rival := r.rival.(type) {
	case *child:
		r.old.successor = rival
	case *ikeSA:
		m.promote(r.sa, rival)
	case *demand: // once its further key exchanges are done
	default:
		return false
	}
	return true
}

// secret is what the key exchange gives; nil: there was none.
func (r *renewal) secret(p ike.Proposal, ke *ike.KE) ([]byte, error) {
	x, has := p.Chosen(ike.KeyExchange)
	if !has || x.ID == 0 {
		return nil, nil
	}
	if r.exchange == nil || ke == nil || ke.Group != x.ID || r.group.ID != x.ID {
		return nil, errors.New("the key exchange is of another group than the chosen one")
	}
	return r.exchange.Secret(ke.Data)
}

func lower(a, b []byte) []byte {
	if bytes.Compare(a, b) < 0 {
		return a
	}
	return b
}

func strange(err error) error {
	return sdk.Fail(sdk.Now, diag.New(diag.Protocol, "the gateway's answer to new keys makes no sense", err.Error()))
}

func (m *Machine) renewalRefused(r *renewal, n *ike.Notify) error {
	switch {
	case m.yield(r):
		return nil
	case n.Kind == ike.TemporaryFailure:
		return m.renewLater(r)
	case n.Kind == ike.ChildSANotFound && r.old != nil && r.old.successor != nil:
		return nil
	}
	m.emit(Reauthenticate{}) // what it refuses here it may grant there
	return nil
}

func (m *Machine) renewLater(r *renewal) error {
	if m.renewing == r {
		m.renewing = nil
	}
	m.tryLater(r.old)
	return nil
}

// tryLater begins again to replace a child, or with nil the IKE SA; not when the gateway
// does, that was refused for the same reason.
func (m *Machine) tryLater(old *child) {
	pause := retryRekey
	if b, err := m.random(1); err == nil {
		pause += retryRekey * time.Duration(b[0]) / 255
	}
	m.after(pause, func() error {
		switch old {
		case nil:
			return m.renewIKE()
		case m.child():
			return m.renewChild(old)
		}
		return nil
	})
}

// childRenewed puts the new child into force and has the old one deleted.
func (m *Machine) childRenewed(sa *ikeSA, r *renewal, g *grant, loses bool) error {
	if len(g.choice.SPI) != 4 {
		return strange(errors.New("an SPI of another size"))
	}
	c, err := m.makeChild(g.choice, binary.BigEndian.Uint32(r.spi), childKeys{sa, g.secret, g.further, r.ni, g.nonce, true})
	if err != nil {
		return strange(err)
	}
	c.tsi, c.tsr = r.old.tsi, r.old.tsr
	old := r.old
	if loses {
		m.deleteChild(c)
		m.yield(r) // the gateway deletes the old one
		return nil
	}
	old.successor = c
	m.kids = append([]*child{c}, m.kids...)
	m.installChild(c)
	m.deleteChild(old)
	return m.scheduleChild(c)
}

// installChild tells the datapath of a new child that both sides have.
func (m *Machine) installChild(c *child) {
	c.sending = true
	if m.moving {
		m.moving = false
		m.emit(Moved{[]sdk.SA{c.inbound, c.outbound}, m.way})
		return
	}
	m.emit(Install{[]sdk.SA{c.inbound, c.outbound}})
}

// deleteChild tells the gateway that a child is over. Packets to it may be under way
// still.
func (m *Machine) deleteChild(c *child) {
	c.deleting = true
	m.request(m.sa(), &exchange{
		kind: ike.Informational,
		build: func() []ike.Payload {
			return []ike.Payload{&ike.Delete{Protocol: ike.ProtocolESP, SPIs: []uint32{c.in}}}
		},
		answer: func(*ikeSA, []ike.Payload) error { m.forgetChild(c); return nil },
	})
}

// forgetChild removes a child that both sides have given up.
func (m *Machine) forgetChild(c *child) {
	if i := slices.Index(m.kids, c); i >= 0 {
		m.kids = slices.Delete(m.kids, i, i+1)
		m.after(lingering, func() error { m.emit(Remove{c.in}); return nil })
	}
}
