package machine

import (
	"bytes"
	"crypto/hmac"
	"encoding/binary"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// inform sends what nobody answers.
func (m *Machine) inform(sa *isakmp, payloads ...ike1.Payload) {
	b, err := m.random(4)
	if err != nil {
		m.end(err)
		return
	}
	x := sa.newExchange(ike1.Informational, max(binary.BigEndian.Uint32(b), 1))
	m.sayHashed(sa, x, x.lead, payloads, false)
}

// spi names an ISAKMP SA.
func (sa *isakmp) spi() []byte { return append(append([]byte(nil), sa.ours[:]...), sa.peer[:]...) }

// goodbye deletes the SAs.
func (m *Machine) goodbye(sa *isakmp) {
	if len(m.sas) > 0 && sa == m.sas[0] {
		for _, c := range m.kids {
			m.inform(sa, ike1.Delete{Protocol: ike1.ProtocolESP, SPIs: [][]byte{binary.BigEndian.AppendUint32(nil, c.in)}}.Payload())
		}
	}
	m.inform(sa, ike1.Delete{Protocol: ike1.ProtocolIKE, SPIs: [][]byte{sa.spi()}}.Payload())
}

// early handles a notification before both sides have proved themselves. In the clear
// nothing protects it but the cookie, which only who reads along knows.
func (m *Machine) early(sa *isakmp, msg *ike1.Message) error {
	x, body := sa.exchanges[0], msg.Body
	if msg.Encrypted {
		if x == nil || x.iv == nil {
			return m.drop("a notification that cannot be read yet")
		}
		if body = sa.readEarly(x, msg); body == nil {
			return m.strange(sa, x)
		}
	}
	payloads, _, err := ike1.ParsePayloads(msg.First, body)
	if err != nil {
		return m.drop(err.Error())
	}
	m.trace(true, msg.Header, payloads)
	for _, b := range ike1.FindAll(payloads, ike1.TypeNotify) {
		if n, err := ike1.ParseNotify(b); err == nil && n.Kind < ike1.FirstStatus {
			return m.refused(sa, n)
		}
	}
	return nil
}

// readEarly decrypts a notification of who refuses our proof; nil: it is not authentic.
func (sa *isakmp) readEarly(x *exchange, msg *ike1.Message) []byte {
	name := binary.BigEndian.AppendUint32(nil, msg.MessageID)
	plain, _, err := sa.keys.Open(sa.suite.IV(sa.keys, x.iv, name), msg.Body)
	if err != nil {
		return nil
	}
	payloads, rest, err := ike1.ParsePayloads(msg.First, plain)
	if err != nil || len(payloads) == 0 || payloads[0].Type != ike1.TypeHash {
		return nil
	}
	covered := plain[ike1.GenericSize+len(payloads[0].Body) : len(plain)-len(rest)]
	if !hmac.Equal(sa.suite.MessageHash(sa.keys, name, covered), payloads[0].Body) {
		return nil
	}
	return plain
}

// doubts is how many notifications under other keys than ours it takes to believe that the
// gateway has other keys: one alone may be of a moment that we have missed.
const doubts = 2

// strange handles a notification that cannot be read.
func (m *Machine) strange(sa *isakmp, x *exchange) error {
	if sa.strange++; sa.strange >= doubts && x.silent != nil {
		return x.silent()
	}
	return m.drop("a notification under other keys")
}

// informed handles an authentic notification or deletion.
func (m *Machine) informed(sa *isakmp, p []ike1.Payload) error {
	for _, one := range p {
		var err error
		switch one.Type {
		case ike1.TypeNotify:
			var n ike1.Notify
			if n, err = ike1.ParseNotify(one.Body); err == nil {
				err = m.notified(sa, n)
			} else {
				err = m.drop(err.Error())
			}
		case ike1.TypeDelete:
			var d ike1.Delete
			if d, err = ike1.ParseDelete(one.Body); err == nil {
				err = m.deleted(d)
			} else {
				err = m.drop(err.Error())
			}
		}
		if err != nil || m.ended {
			return err
		}
	}
	return nil
}

func (m *Machine) notified(sa *isakmp, n ike1.Notify) error {
	switch {
	case n.Kind == ike1.DPDRequest && len(n.Data) == 4:
		m.inform(sa, ike1.Notify{Protocol: ike1.ProtocolIKE, Kind: ike1.DPDAnswer, SPI: sa.spi(), Data: n.Data}.Payload())
	case n.Kind == ike1.ResponderLifetime:
		m.lifeTold(sa, n)
	case n.Kind == ike1.LoadBalance:
		return elsewhere(n.Data)
	case n.Kind < ike1.FirstStatus && m.quick != nil:
		return m.quickRefused(n)
	case n.Kind < ike1.FirstStatus && !m.up:
		return m.refused(sa, n)
	}
	return nil
}

// lifeTold shortens what the gateway holds for shorter.
func (m *Machine) lifeTold(sa *isakmp, n ike1.Notify) {
	all, err := n.Attributes()
	if err != nil {
		return
	}
	switch n.Protocol {
	case ike1.ProtocolIKE:
		if life := min(lifeOf(all, attrLifeType, attrLife, sa.life), lifeOf(all, espLifeType, espLife, sa.life)); life < sa.life {
			sa.life = life
			m.after(renewAt(life), func() error { return m.renew(sa) })
		}
	case ike1.ProtocolESP:
		if len(m.kids) == 0 {
			return
		}
		c := m.kids[0]
		if life := lifeOf(all, espLifeType, espLife, c.life); life < c.life {
			c.life = life
			m.after(renewAt(life), func() error {
				if len(m.kids) > 0 && m.kids[0] == c {
					return m.renewChild()
				}
				return nil
			})
		}
	}
}

// lifeTold is the lifetime of a protocol that notifications among payloads tell of, if
// it is shorter than most.
func lifeTold(p []ike1.Payload, of ike1.Protocol, most time.Duration) time.Duration {
	for _, b := range ike1.FindAll(p, ike1.TypeNotify) {
		n, err := ike1.ParseNotify(b)
		if err != nil || n.Kind != ike1.ResponderLifetime || n.Protocol != of {
			continue
		}
		if all, err := n.Attributes(); err == nil {
			most = lifeOf(all, espLifeType, espLife, most)
		}
	}
	return most
}

// deleted handles the end of SAs of the gateway's.
func (m *Machine) deleted(d ike1.Delete) error {
	for _, spi := range d.SPIs {
		switch d.Protocol {
		case ike1.ProtocolIKE:
			for _, sa := range m.all() {
				if bytes.Equal(sa.spi(), spi) {
					if err := m.lost(sa); err != nil {
						return err
					}
				}
			}
		case ike1.ProtocolESP:
			if len(spi) == 4 {
				if err := m.childLost(binary.BigEndian.Uint32(spi)); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// lost is that the gateway has deleted an ISAKMP SA.
func (m *Machine) lost(sa *isakmp) error {
	switch {
	case !m.up:
		return m.sentAway(sa)
	case sa == m.sas[0] && m.next != nil: // it makes room for the new one
		sa.done = false
		return nil
	case sa == m.sas[0], sa == m.next:
		sa.done = false // nothing is to be said to it any more
		return sdk.Fail(sdk.Backoff, diag.New(diag.SessionEnded, "the gateway ended the session", "It may limit its time, or have been restarted. Connecting again."))
	}
	return m.abandon(sa)
}

// childLost is that the gateway has deleted a pair of SAs: one that was replaced, or the
// current one, in whose place another is asked for.
func (m *Machine) childLost(out uint32) error {
	at := slices.IndexFunc(m.kids, func(c *child) bool { return c.out == out })
	if at < 0 {
		return nil
	}
	c := m.kids[at]
	m.kids = slices.Delete(m.kids, at, at+1)
	if at > 0 {
		m.emit(Remove{c.in})
		return nil
	}
	m.after(grace, func() error { m.emit(Remove{c.in}); return nil })
	return m.renewChild()
}

// listen asks the gateway for a sign of life when it has been silent for long.
func (m *Machine) listen(sa *isakmp) {
	silent := m.now.Sub(m.heard)
	if silent < m.c.DPD {
		m.after(m.c.DPD-silent, func() error { m.listen(m.sas[0]); return nil })
		return
	}
	seq, err := m.random(4)
	if err != nil {
		m.end(err)
		return
	}
	seq[0] &= 0x7f // it is to grow
	m.areYouThere(binary.BigEndian.Uint32(seq), 0, m.c.FirstTimeout)
}

// areYouThere asks until the gateway says something.
func (m *Machine) areYouThere(seq uint32, tries int, pause time.Duration) {
	if tries == m.c.Tries {
		m.end(m.gone())
		return
	}
	sa, asked := m.sas[0], m.now
	m.inform(sa, ike1.Notify{Protocol: ike1.ProtocolIKE, Kind: ike1.DPDRequest, SPI: sa.spi(), Data: binary.BigEndian.AppendUint32(nil, seq)}.Payload())
	m.after(pause, func() error {
		if m.heard.Before(asked) {
			m.areYouThere(seq+1, tries+1, pause+pause*4/5)
		} else {
			m.listen(m.sas[0])
		}
		return nil
	})
}

// renew logs in anew, before an ISAKMP SA is too old.
func (m *Machine) renew(old *isakmp) error {
	if m.sas[0] != old || m.next != nil || !m.up {
		return nil
	}
	sa, err := m.newSA()
	if err != nil {
		return err
	}
	m.next = sa
	return m.phase1(sa)
}

// takeOver has sa be the current ISAKMP SA. The SAs of ESP stay; what is under way under the old
// one has a while to come to an end.
func (m *Machine) takeOver(sa *isakmp) {
	old := m.sas[0]
	m.sas, m.next = append([]*isakmp{sa}, m.sas...), nil
	m.after(grace, func() error {
		if !slices.Contains(m.sas, old) {
			return nil
		}
		if old.done {
			m.inform(old, ike1.Delete{Protocol: ike1.ProtocolIKE, SPIs: [][]byte{old.spi()}}.Payload())
		}
		return m.abandon(old)
	})
}

// abandon forgets an ISAKMP SA, and asks again under the current one for what it was asked.
func (m *Machine) abandon(old *isakmp) error {
	m.sas = slices.DeleteFunc(m.sas, func(x *isakmp) bool { return x == old })
	if m.quick == nil || m.quick.sa != old {
		return nil
	}
	m.quick = nil
	return m.renewChild()
}
