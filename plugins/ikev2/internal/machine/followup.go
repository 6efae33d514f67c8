package machine

import (
	"bytes"
	"errors"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
)

// Further key exchanges of a new SA (RFC 9370 section 2.2.4), one at a time in
// IKE_FOLLOWUP_KE behind CREATE_CHILD_SA. The SA is made when all are done. Each answer
// but the last names a link that the next request repeats.

// maxLost is how often in a row the gateway may forget what it is doing.
const maxLost = 3

// followUp does the key exchanges that are left, and then makes the new SA.
func (m *Machine) followUp(sa *ikeSA, r *renewal, g *grant, left []*keys.Group, link *ike.Notify) error {
	if len(left) == 0 {
		m.renewing, r.grant, m.lost = nil, nil, 0
		return m.granted(sa, r, g, false)
	}
	if link == nil {
		return strange(errors.New("it does not say what its further key exchanges are known by"))
	}
	x, err := left[0].Begin(m.c.Random)
	if err != nil {
		return err
	}
	m.renewing, r.grant = r, g
	m.request(sa, &exchange{
		kind:  ike.FollowupKE,
		stays: true,
		build: func() []ike.Payload {
			return []ike.Payload{&ike.KE{Group: left[0].ID, Data: x.Public()}, &ike.Notify{Kind: ike.AdditionalKeyExchange, Data: bytes.Clone(link.Data)}}
		},
		answer: func(by *ikeSA, payloads []ike.Payload) error {
			if n := refusal(payloads); n != nil {
				return m.followUpRefused(r, n)
			}
			ke := first[*ike.KE](payloads)
			if ke == nil || ke.Group != left[0].ID {
				return strange(errors.New("a further key exchange is of another group, or there is none"))
			}
			secret, err := x.Secret(ke.Data)
			if err != nil {
				return strange(err)
			}
			g.further = append(g.further, secret)
			return m.followUp(by, r, g, left[1:], notification(payloads, ike.AdditionalKeyExchange))
		},
	})
	return nil
}

// followUpRefused begins anew with a gateway that has forgotten, unless it does so again
// and again.
func (m *Machine) followUpRefused(r *renewal, n *ike.Notify) error {
	m.renewing, r.grant, r.rival = nil, nil, nil // it has lost
	if n.Kind == ike.StateNotFound {
		if m.lost++; m.lost < maxLost {
			return m.renewLater(r)
		}
	}
	m.lost = 0
	return m.renewalRefused(r, n)
}

// agree makes what the gateway asks for, or waits for its further key exchanges. A refusal
// is what to answer in place of that.
func (m *Machine) agree(d *demand) (refusal []ike.Payload, err error) {
	if r := m.renewing; r != nil && r.old == d.old && r.sa != nil && (d.old != nil || r.sa == d.sa) {
		r.rival, r.lowest = d, lower(d.ni, d.nr) // which of both is decided when our answer has come
	}
	if len(d.left) == 0 {
		return m.grant(d), nil
	}
	if d.link, err = m.random(8); err != nil {
		return nil, err
	}
	m.pending = d
	m.after(repeating, func() error {
		if m.pending == d { // the gateway has given it up
			m.pending = nil
			m.tryLater(d.old)
		}
		return nil
	})
	return nil, nil
}

// grant makes the new SA of a demand, or refuses.
func (m *Machine) grant(d *demand) (refusal []ike.Payload) {
	grant := m.grantChild
	if d.old == nil {
		grant = m.grantIKE
	}
	if err := grant(d); err != nil {
		if r := m.against(d); r != nil {
			r.rival = nil
		}
		return refuse(ike.InvalidSyntax)
	}
	return nil
}

// against is our own renewal of the same SA, whose answer is to come; nil: there is none.
func (m *Machine) against(d *demand) *renewal {
	if r := m.renewing; r != nil && r.rival == any(d) {
		return r
	}
	return nil
}

// busyWith says that a gateway's wish to replace old, or with nil sa, has to wait: what we
// agreed on before is to be done first.
func (m *Machine) busyWith(sa *ikeSA, old *child) bool {
	if r := m.renewing; r != nil && r.sa == sa && ((r.old == nil) != (old == nil) || r.grant != nil) {
		return true
	}
	return m.pending != nil && (m.pending.old == nil) != (old == nil)
}

// followedUp answers IKE_FOLLOWUP_KE.
func (m *Machine) followedUp(sa *ikeSA, payloads []ike.Payload) ([]ike.Payload, error) {
	d, n, ke := m.pending, notification(payloads, ike.AdditionalKeyExchange), first[*ike.KE](payloads)
	switch {
	case d == nil || n == nil || d.sa != sa || !bytes.Equal(n.Data, d.link):
		return refuse(ike.StateNotFound), nil
	case ke == nil || ke.Group != d.left[0].ID:
		return refuse(ike.InvalidSyntax), nil
	}
	public, secret, err := d.left[0].Answer(m.c.Random, ke.Data)
	if err != nil {
		return refuse(ike.InvalidSyntax), nil
	}
	d.left, d.further = d.left[1:], append(d.further, secret)
	answer := []ike.Payload{&ike.KE{Group: ke.Group, Data: public}}
	if len(d.left) > 0 {
		if d.link, err = m.random(8); err != nil {
			return nil, err
		}
		return append(answer, &ike.Notify{Kind: ike.AdditionalKeyExchange, Data: d.link}), nil
	}
	m.pending = nil
	if refusal := m.grant(d); refusal != nil {
		return refusal, nil
	}
	return answer, nil
}
