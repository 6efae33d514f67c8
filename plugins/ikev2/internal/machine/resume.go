package machine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
)

// Ticket is what a session goes on from without a login (RFC 5723): the gateway's own
// notes, sealed, and ours. What does not come of it begins anew with a login.
//
//	resume ─> resumed ─> resumeAuth ─> resumeGranted ─> finish
//	             └───────────┴──────────────┴─────────> restart ─> begin
type Ticket struct {
	Opaque    []byte
	Expires   time.Time
	Gateway   string
	Suite     ike.Proposal // that of the IKE SA
	Derive    []byte       // its SK_d
	Responder *ike.ID      // who the gateway was
}

// Bounds of what is kept.
const (
	maxTicket     = 16 << 10
	maxTicketLife = 7 * 24 * time.Hour
)

// keepTicket takes one that came at the end of a login.
func (m *Machine) keepTicket(payloads []ike.Payload) {
	n := notification(payloads, ike.TicketLifetime)
	if n == nil || !m.c.Tickets || len(n.Data) < 5 || len(n.Data) > maxTicket || m.login.idr == nil {
		return
	}
	sa, life := m.sa(), time.Duration(binary.BigEndian.Uint32(n.Data))*time.Second
	m.emit(Keep{&Ticket{
		Opaque: bytes.Clone(n.Data[4:]), Expires: m.now.Add(min(life, maxTicketLife)), Gateway: m.c.Gateway,
		Suite: sa.suite.Proposal(), Derive: sa.schedule.Derive, Responder: m.login.idr,
	}})
}

// resumable says whether there is a ticket for this gateway.
func (m *Machine) resumable() bool {
	t := m.c.Ticket
	return t != nil && t.Gateway == m.c.Gateway && m.now.Before(t.Expires) && t.Responder != nil
}

// resume sends IKE_SESSION_RESUME.
func (m *Machine) resume() error {
	suite, err := keys.ChosenSuite(m.c.Ticket.Suite)
	if err != nil {
		return m.restart()
	}
	spi, err := m.random(8)
	if err != nil {
		return err
	}
	sa := &ikeSA{initiator: true, ours: ike.SPI(spi), suite: suite}
	if sa.ni, err = m.random(32); err != nil {
		return err
	}
	m.sas, m.init = []*ikeSA{sa}, &initiation{}
	m.present()
	return nil
}

// present shows the ticket, with the cookie that the gateway wants back.
func (m *Machine) present() {
	sa := m.sa()
	sa.nextID, sa.peer = 0, ike.SPI{}
	m.init.attempts++
	m.request(sa, &exchange{
		kind: ike.SessionResume,
		build: func() []ike.Payload {
			var all []ike.Payload
			if m.init.cookie != nil {
				all = append(all, &ike.Notify{Kind: ike.Cookie, Data: m.init.cookie})
			}
			all = append(all, ike.Nonce(sa.ni), &ike.Notify{Kind: ike.TicketOpaque, Data: m.c.Ticket.Opaque})
			all = append(all, m.natDetection(sa)...)
			return append(all, &ike.Notify{Kind: ike.FragmentationSupported})
		},
		answer:     m.resumed,
		unanswered: m.restart,
	})
}

// restart forgets the ticket and logs in.
func (m *Machine) restart() error {
	m.emit(Keep{nil})
	m.c.Ticket, m.login, m.floated = nil, nil, false
	return m.begin()
}

// resumed makes the keys.
func (m *Machine) resumed(sa *ikeSA, payloads []ike.Payload) (err error) {
	if n := notification(payloads, ike.Cookie); n != nil && len(n.Data) > 0 && len(n.Data) <= 64 && m.init.attempts < maxAttempts {
		m.init.cookie = bytes.Clone(n.Data)
		m.present()
		return nil
	}
	nonce := first[ike.Nonce](payloads)
	if nonce == nil || sa.peer == (ike.SPI{}) || refusal(payloads) != nil || notification(payloads, ike.TicketNack) != nil {
		return m.restart()
	}
	sa.nr = bytes.Clone(nonce)
	i, r := sa.spis()
	sa.schedule = sa.suite.Resumed(m.c.Ticket.Derive, sa.ni, sa.nr, i, r)
	if sa.protection, err = sa.suite.Protect(sa.schedule, true, m.c.Random); err != nil {
		return err
	}
	m.showKeys(sa)
	sa.fragments = notification(payloads, ike.FragmentationSupported) != nil
	m.traversal(payloads)
	return m.resumeAuth()
}

// resumeAuth proves that the ticket is ours, and asks for the tunnel.
func (m *Machine) resumeAuth() error {
	spi, err := m.newSPI()
	if err != nil {
		return err
	}
	m.login = &login{spi: spi, first: m.sa().nextID, idr: m.c.Ticket.Responder}
	sa := m.sa()
	auth := &ike.AuthData{Method: ike.AuthSharedKey, Data: sa.suite.PRF.ResumedAuth(sa.schedule.PI, m.ownOctets())}
	payloads := append([]ike.Payload{m.identity(), auth}, m.wishes()...)
	m.request(sa, &exchange{kind: ike.Auth, build: func() []ike.Payload { return payloads }, answer: m.resumeGranted, unanswered: m.restart})
	return nil
}

// resumeGranted checks that the gateway is the one of the ticket.
func (m *Machine) resumeGranted(sa *ikeSA, payloads []ike.Payload) error {
	auth := first[*ike.AuthData](payloads)
	if auth == nil || refusal(payloads) != nil {
		return m.restart()
	}
	if id := first[*ike.ID](payloads); id != nil && id.Responder && (id.Kind != m.login.idr.Kind || !bytes.Equal(id.Data, m.login.idr.Data)) {
		return m.unproved(errors.New("it calls itself by another name than before"))
	}
	if !equal(auth.Data, sa.suite.PRF.ResumedAuth(sa.schedule.PR, m.gatewayOctets())) {
		return m.unproved(errors.New("it does not know what is in the ticket"))
	}
	m.login.proved = true
	return m.finish(payloads)
}
