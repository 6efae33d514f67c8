package machine

import (
	"bytes"
	"errors"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Move tells the gateway that our address is another now (RFC 4555), over a new
// transport, on which what the machine sends goes from now on. The tunnel gets new keys
// then, since a transport's outbound SA cannot be moved: Moved says with which SAs.
func (m *Machine) Move(now time.Time, local, remote netip.AddrPort) []Effect {
	return m.move(now, local, remote, "the network changed")
}

// Encapsulate puts ESP into UDP again, which did not get through without: the gateway is
// told of an address that finds a NAT.
func (m *Machine) Encapsulate(now time.Time, local, remote netip.AddrPort) []Effect {
	m.c.Plain, m.way.Plain = false, false
	return m.move(now, local, remote, "ESP without UDP does not get through")
}

func (m *Machine) move(now time.Time, local, remote netip.AddrPort, why string) []Effect {
	return m.step(now, func() error {
		if !m.mobike || !m.up {
			return sdk.Fail(sdk.Now, diag.New(diag.Unreachable, why, "Connecting again."))
		}
		m.c.Local, m.c.Remote = local, remote
		cookie, err := m.random(16)
		if err != nil {
			return err
		}
		sa := m.sa()
		m.moving = true
		sa.queue = append([]*exchange{{
			kind:   ike.Informational,
			build:  func() []ike.Payload { return m.newAddress(cookie) },
			answer: func(_ *ikeSA, p []ike.Payload) error { return m.moved(p, cookie) },
		}}, sa.queue...)
		if o := sa.outstanding; o != nil { // its answer may have gone to the old address
			o.tries, o.pause = 0, m.c.FirstTimeout
			m.transmit(o)
		}
		m.advance(sa)
		return nil
	})
}

func (m *Machine) newAddress(cookie []byte) []ike.Payload {
	all := []ike.Payload{&ike.Notify{Kind: ike.UpdateSAAddresses}, &ike.Notify{Kind: ike.Cookie2, Data: cookie}}
	return append(all, m.natDetection(m.sa())...)
}

// moved goes on when the gateway knows the new address.
func (m *Machine) moved(payloads []ike.Payload, cookie []byte) error {
	if n := refusal(payloads); n != nil {
		return sdk.Fail(sdk.Now, diag.New(diag.Unreachable, "the gateway does not take the new address", "It says "+n.Kind.String()+". Connecting again."))
	}
	if n := notification(payloads, ike.Cookie2); n == nil || !bytes.Equal(n.Data, cookie) {
		return strange(errors.New("it does not repeat the cookie of the new address"))
	}
	before := m.way.Plain
	m.detectNAT(payloads)
	if !m.moving && m.way.Plain == before { // a child came in between
		return nil
	}
	m.moving = true
	return m.renewChild(m.child())
}
