package machine

import (
	"bytes"
	"encoding/binary"
	"slices"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	"github.com/penstock-vpn/penstock/sdk"
)

// demand is a gateway's request for a new SA, and our side of its key exchange.
type demand struct {
	sa     *ikeSA // that it came by
	old    *child // what it is to replace; nil: sa
	choice ike.Proposal
	theirs []byte // their SPI
	ours   []byte // our SPI
	ni, nr []byte
	secret []byte // nil: there is no key exchange
	public []byte
	group  uint16

	// Further key exchanges: those to come, what their messages are known by, and the
	// secrets of those that were.
	left    []*keys.Group
	link    []byte
	further [][]byte
}

// created answers CREATE_CHILD_SA: a gateway may replace what there is, nothing more.
func (m *Machine) created(sa *ikeSA, payloads []ike.Payload) ([]ike.Payload, error) {
	offer, nonce := first[*ike.SA](payloads), first[ike.Nonce](payloads)
	if offer == nil || nonce == nil {
		return refuse(ike.InvalidSyntax), nil
	}
	if n := notification(payloads, ike.RekeySA); n != nil {
		return m.createdChild(sa, n, offer, nonce, payloads)
	}
	if offer.Proposals[0].Protocol == ike.ProtocolIKE {
		return m.createdIKE(sa, offer, nonce, payloads)
	}
	return refuse(ike.NoAdditionalSAs), nil
}

func refuse(kind ike.NotifyType) []ike.Payload { return []ike.Payload{&ike.Notify{Kind: kind}} }

// meet chooses from the gateway's offer and does our half of the key exchange. A refusal
// is what to answer in place of that.
func (m *Machine) meet(ours []ike.Proposal, offer *ike.SA, nonce ike.Nonce, payloads []ike.Payload) (d *demand, refusal []ike.Payload, err error) {
	ke := first[*ike.KE](payloads)
	if ke != nil {
		ours = preferring(ours, ke.Group)
	}
	p := choose(ours, offer.Proposals)
	if p == nil {
		return nil, refuse(ike.NoProposalChosen), nil
	}
	d = &demand{choice: *p, ni: bytes.Clone(nonce)}
	if d.left, err = keys.Additional(*p); err != nil {
		return nil, nil, err
	}
	if d.nr, err = m.random(32); err != nil {
		return nil, nil, err
	}
	x, has := p.Chosen(ike.KeyExchange)
	if !has || x.ID == 0 {
		return d, nil, nil
	}
	if ke == nil || ke.Group != x.ID {
		wanted := binary.BigEndian.AppendUint16(nil, x.ID)
		return nil, []ike.Payload{&ike.Notify{Kind: ike.InvalidKEPayload, Data: wanted}}, nil
	}
	g, err := keys.FindGroup(x.ID)
	if err != nil {
		return nil, nil, err
	}
	e, err := g.Begin(m.c.Random)
	if err != nil {
		return nil, nil, err
	}
	if d.secret, err = e.Secret(ke.Data); err != nil {
		return nil, refuse(ike.InvalidSyntax), nil
	}
	d.public, d.group = e.Public(), x.ID
	return d, nil, nil
}

// preferring puts a group first where it is among ours: its public value is there already.
func preferring(ours []ike.Proposal, group uint16) []ike.Proposal {
	wanted := ike.Transform{Type: ike.KeyExchange, ID: group}
	out := slices.Clone(ours)
	for i, p := range out {
		if p.Has(wanted) {
			out[i].Transforms = append([]ike.Transform{wanted}, p.Transforms...)
		}
	}
	return out
}

// answer is what the gateway needs to make the same keys.
func (d *demand) answer() []ike.Payload {
	p := d.choice
	p.SPI = d.ours
	all := []ike.Payload{&ike.SA{Proposals: []ike.Proposal{p}}, ike.Nonce(d.nr)}
	if d.public != nil {
		all = append(all, &ike.KE{Group: d.group, Data: d.public})
	}
	if len(d.left) > 0 {
		all = append(all, &ike.Notify{Kind: ike.AdditionalKeyExchange, Data: d.link})
	}
	return all
}

// theirSPI finds the gateway's SPI in its offer; nil: it is of another size.
func (d *demand) theirSPI(offer *ike.SA, size int) []byte {
	i := slices.IndexFunc(offer.Proposals, func(p ike.Proposal) bool { return p.Number == d.choice.Number })
	if spi := offer.Proposals[i].SPI; len(spi) == size {
		return bytes.Clone(spi)
	}
	return nil
}

// createdChild replaces a child as the gateway wishes. It sends on the new one only when
// the old one is deleted: the gateway may not have our answer yet.
func (m *Machine) createdChild(sa *ikeSA, n *ike.Notify, offer *ike.SA, nonce ike.Nonce, payloads []ike.Payload) ([]ike.Payload, error) {
	old := m.kid(func(c *child) bool { return bytes.Equal(spiBytes(c.out), n.SPI) })
	switch {
	case old == nil || n.Protocol != ike.ProtocolESP:
		return []ike.Payload{&ike.Notify{Protocol: n.Protocol, Kind: ike.ChildSANotFound, SPI: n.SPI}}, nil
	case old.deleting || m.busyWith(sa, old):
		return refuse(ike.TemporaryFailure), nil
	}
	d, refusal, err := m.meet(m.renewalOffer(), offer, nonce, payloads)
	if d == nil {
		return refusal, err
	}
	spi, err := m.newSPI()
	if err != nil {
		return nil, err
	}
	d.sa, d.old, d.ours, d.theirs = sa, old, spiBytes(spi), d.theirSPI(offer, 4)
	if d.theirs == nil {
		return refuse(ike.InvalidSyntax), nil
	}
	if refusal, err := m.agree(d); refusal != nil || err != nil {
		return refusal, err
	}
	// The gateway is the initiator now: what was our side's selector is its other's.
	return append(d.answer(), &ike.TS{Selectors: old.tsr}, &ike.TS{Responder: true, Selectors: old.tsi}), nil
}

// grantChild makes the child that d is about, whose key exchanges are done.
func (m *Machine) grantChild(d *demand) error {
	d.choice.SPI = d.theirs
	c, err := m.makeChild(d.choice, binary.BigEndian.Uint32(d.ours), childKeys{d.sa, d.secret, d.further, d.ni, d.nr, false})
	if err != nil {
		return err
	}
	c.tsi, c.tsr = d.old.tsi, d.old.tsr
	m.kids = append(m.kids, c)
	m.emit(Install{[]sdk.SA{c.inbound}})
	if r := m.against(d); r != nil {
		r.rival = c
	} else {
		d.old.successor = c
	}
	return nil
}

// switchTo sends on what replaces old, if it does still.
func (m *Machine) switchTo(old, c *child) {
	if old.successor != c || c.sending {
		return
	}
	c.sending = true
	m.kids = append([]*child{c}, slices.DeleteFunc(m.kids, func(x *child) bool { return x == c })...)
	if m.moving {
		m.installChild(c)
	} else {
		m.emit(Install{[]sdk.SA{c.outbound}})
	}
	if err := m.scheduleChild(c); err != nil {
		m.end(err)
	}
}

// createdIKE replaces the IKE SA as the gateway wishes.
func (m *Machine) createdIKE(sa *ikeSA, offer *ike.SA, nonce ike.Nonce, payloads []ike.Payload) ([]ike.Payload, error) {
	if m.busyWith(sa, nil) || sa.replaced || m.leaving {
		return refuse(ike.TemporaryFailure), nil
	}
	d, refusal, err := m.meet(m.c.IKE, offer, nonce, payloads)
	if d == nil && additional(offer.Proposals) { // it insists on other key exchanges
		m.emit(Reauthenticate{})
		return refuse(ike.TemporaryFailure), nil
	}
	if d == nil {
		return refusal, err
	}
	d.sa, d.theirs = sa, d.theirSPI(offer, 8)
	if d.theirs == nil || d.secret == nil {
		return refuse(ike.InvalidSyntax), nil
	}
	if d.ours, err = m.random(8); err != nil {
		return nil, err
	}
	if refusal, err := m.agree(d); refusal != nil || err != nil {
		return refusal, err
	}
	return d.answer(), nil
}

// grantIKE makes the IKE SA that d is about, whose key exchanges are done.
func (m *Machine) grantIKE(d *demand) error {
	fresh, err := m.successor(d.sa, d.choice, ikeKeys{d.secret, d.further, d.ni, d.nr, ike.SPI(d.ours), ike.SPI(d.theirs), false})
	if err != nil {
		return err
	}
	m.sas = append(m.sas, fresh)
	if r := m.against(d); r != nil {
		r.rival = fresh
	} else {
		m.promote(d.sa, fresh)
	}
	return m.scheduleIKE(fresh)
}
