package machine

import (
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// live begins what goes on as long as the tunnel is up.
func (m *Machine) live() {
	if m.c.DPD > 0 {
		m.after(m.c.DPD, m.probe)
	}
}

// probe asks for a sign of life when the gateway has been silent.
func (m *Machine) probe() error {
	silent := m.now.Sub(m.heard)
	if silent >= m.c.DPD && m.sa().outstanding == nil {
		m.request(m.sa(), &exchange{
			kind:   ike.Informational,
			build:  func() []ike.Payload { return []ike.Payload{} },
			answer: func([]ike.Payload) error { return nil },
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
	default:
		answer = []ike.Payload{&ike.Notify{Kind: ike.NoAdditionalSAs}}
	}
	if werr := m.answer(sa, msg, answer); werr != nil {
		return werr
	}
	return err
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
	for _, p := range payloads {
		d, isDelete := p.(*ike.Delete)
		if !isDelete {
			continue
		}
		if d.Protocol == ike.ProtocolIKE && sa == m.sa() {
			err = fail(sdk.Reauth, diag.New(diag.SessionEnded, "the gateway ended the session", "Connect again, or ask the gateway's administrator."))
		}
	}
	return answer, err
}
