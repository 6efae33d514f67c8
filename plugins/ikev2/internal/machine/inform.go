package machine

import (
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// live begins what goes on as long as the tunnel is up.
func (m *Machine) live() error {
	if m.c.DPD > 0 {
		m.after(m.c.DPD, m.probe)
	}
	if err := m.scheduleChild(m.child()); err != nil {
		return err
	}
	return m.scheduleIKE(m.sa())
}

// probe asks for a sign of life when the gateway has been silent.
func (m *Machine) probe() error {
	silent := m.now.Sub(m.heard)
	if silent >= m.c.DPD && m.sa().outstanding == nil {
		m.request(m.sa(), &exchange{
			kind:   ike.Informational,
			build:  func() []ike.Payload { return []ike.Payload{} },
			answer: func(*ikeSA, []ike.Payload) error { return nil },
		})
		silent = 0
	}
	m.after(max(m.c.DPD-silent, m.c.DPD/10), m.probe)
	return nil
}

// incoming handles a request of the gateway.
func (m *Machine) incoming(sa *ikeSA, msg *ike.Message, b []byte) error {
	switch msg.MessageID {
	case sa.expected:
	case sa.expected - 1:
		return m.again(sa, msg, b)
	default:
		return nil
	}
	payloads, whole, err := m.open(sa, msg, b, &sa.requests)
	if err != nil || !whole {
		return err
	}
	m.trace(true, msg.Header, payloads)
	sa.expected++
	sa.answered = nil
	var answer []ike.Payload
	switch msg.Exchange {
	case ike.Informational:
		answer, err = m.informed(sa, payloads)
	case ike.CreateChildSA:
		answer, err = m.created(sa, payloads)
	case ike.FollowupKE:
		answer, err = m.followedUp(sa, payloads)
	default:
		answer = refuse(ike.InvalidSyntax)
	}
	if werr := m.answer(sa, msg, answer); werr != nil {
		return werr
	}
	if err == nil && gone(payloads) {
		m.forgetLater(sa)
	}
	return err
}

// gone says whether a message deletes the IKE SA that it came by.
func gone(payloads []ike.Payload) bool {
	d := first[*ike.Delete](payloads)
	return d != nil && d.Protocol == ike.ProtocolIKE
}

// answer responds to a request, and keeps the response for retransmissions.
func (m *Machine) answer(sa *ikeSA, msg *ike.Message, payloads []ike.Payload) (err error) {
	sa.answered, err = m.write(sa, sa.header(msg.Exchange, msg.MessageID, true), payloads)
	for _, d := range sa.answered {
		m.send(d)
	}
	return err
}

// again answers a request that was answered before; of one in fragments, the first.
func (m *Machine) again(sa *ikeSA, msg *ike.Message, b []byte) error {
	if _, err := sa.protection.Open(b, msg); err != nil || msg.Sealed.Number > 1 {
		return nil
	}
	for _, d := range sa.answered {
		m.send(d)
	}
	return nil
}

// informed handles an INFORMATIONAL request and returns the answer to it.
func (m *Machine) informed(sa *ikeSA, payloads []ike.Payload) (answer []ike.Payload, err error) {
	answer = []ike.Payload{}
	if n := notification(payloads, ike.Cookie2); n != nil {
		answer = append(answer, n)
	}
	if gone(payloads) {
		return answer, m.sessionDeleted(sa)
	}
	if n := notification(payloads, ike.Redirect); n != nil && !m.leaving {
		gateway, err := redirection(n.Data, nil)
		if err != nil {
			return answer, err
		}
		m.emit(Redirected{gateway, true})
	}
	m.limit(payloads)
	var ours []uint32
	for _, p := range payloads {
		d, isDelete := p.(*ike.Delete)
		if !isDelete || d.Protocol != ike.ProtocolESP {
			continue
		}
		for _, spi := range d.SPIs {
			c := m.kid(func(c *child) bool { return c.out == spi })
			if c == nil {
				continue
			}
			if !c.deleting {
				ours = append(ours, c.in)
			}
			if err := m.childDeleted(c); err != nil {
				return answer, err
			}
		}
	}
	if len(ours) > 0 {
		answer = append(answer, &ike.Delete{Protocol: ike.ProtocolESP, SPIs: ours})
	}
	return answer, nil
}

// sessionDeleted: of an IKE SA that was replaced, nothing is lost. One that is about to
// be replaced by us and the gateway at the same time goes on with the gateway's.
func (m *Machine) sessionDeleted(sa *ikeSA) error {
	if r := m.renewing; sa == m.sa() && r != nil {
		if rival, isSA := r.rival.(*ikeSA); isSA {
			m.promote(sa, rival)
		}
	}
	if sa != m.sa() {
		sa.replaced = true
		m.follow(sa)
		return nil
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.SessionEnded, "the gateway ended the session", "Connecting again after a pause."))
}

// childDeleted goes on with what takes the place of c.
func (m *Machine) childDeleted(c *child) error {
	if r := m.renewing; r != nil && r.old == c {
		if rival, isChild := r.rival.(*child); isChild {
			c.successor = rival
		}
	}
	switch {
	case c.successor != nil:
		m.switchTo(c, c.successor)
	case c == m.child() && !c.deleting:
		return sdk.Fail(sdk.Now, diag.New(diag.SessionEnded, "the gateway ended the tunnel", "Connecting again."))
	}
	m.forgetChild(c)
	return nil
}
