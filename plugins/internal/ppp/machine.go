// Package ppp is a client of PPP (RFC 1661) as a state machine: frames, times and answers
// go in, Effects come out. It does no I/O, has no clock and starts no goroutine.
//
//	Begin ─> LCP ─> PAP, CHAP or EAP ─> CBCP, if the peer likes ─> IPCP, IPv6CP ─> Up ─> Ended
//	          ^                                                                     │
//	          └──────────────── the peer negotiates anew ───────────────────────────┘
//
// LCP, IPCP and IPv6CP are layers on one automaton, and so is CCP, which the encryption of PPTP
// is agreed on by. IPv6 has an address once a router advertises its prefix.
//
// Every method takes the time it is called at and returns what is to be done, in order.
// Deadline says when Tick is due.
package ppp

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Machine is one link. One goroutine uses it at a time.
type Machine struct {
	c   Config
	now time.Time
	out []Effect

	link *automaton // LCP
	lcp  *lcp
	nets []*network // in the order of preference
	ipv6 *ipv6cp    // one of them; nil: it is not wanted
	auth *login     // nil: LCP is not up
	ccp  *automaton // nil: packets are not encrypted
	keys startKeys  // of the login

	let     bool // the peer has accepted us, or wants no login
	begun   bool // networks, on this link
	settle  time.Time
	shown   *Network // what Up said last
	leaving bool
	ended   bool
}

// New makes a machine, which does nothing before Begin.
func New(c Config) *Machine {
	m := &Machine{c: c.withDefaults()}
	m.lcp = &lcp{m: m}
	m.link = &automaton{m: m, protocol: ProtocolLCP, layer: m.lcp}
	if !m.c.NoIPv4 {
		m.add(ProtocolIPCP, "IPv4", newIPCP(m))
	}
	if m.c.IPv6 {
		m.ipv6 = newIPv6CP(m)
		m.add(ProtocolIPv6CP, "IPv6", m.ipv6)
	}
	if m.c.MPPE != nil {
		m.ccp = &automaton{m: m, protocol: ProtocolCCP, layer: newCCP(m)}
	}
	return m
}

// step does f at the time now and returns what comes of it.
func (m *Machine) step(now time.Time, f func()) []Effect {
	if m.ended {
		return nil
	}
	m.now = now
	f()
	out := m.out
	m.out = nil
	return out
}

func (m *Machine) emit(e Effect) {
	if !m.ended {
		m.out = append(m.out, e)
	}
}

// end is the machine's; nil after Stop.
func (m *Machine) end(err error) {
	m.emit(Ended{err})
	m.ended = true
}

func (m *Machine) send(protocol uint16, p packet) {
	m.trace("sent", protocol, p)
	m.emit(Send{protocol, p.append(nil)})
}

// Begin sends the first frame.
func (m *Machine) Begin(now time.Time) []Effect {
	return m.step(now, func() {
		m.lcp.begin()
		m.link.happens(up)
		m.link.happens(open)
	})
}

// Stop says goodbye; Ended comes when the peer has heard of it, or does not answer.
func (m *Machine) Stop(now time.Time) []Effect {
	return m.step(now, func() {
		m.leaving = true
		m.link.happens(shut)
		if m.link.state < closing {
			m.end(nil)
		}
	})
}

// Frame takes what the peer sent: payload is what comes behind the protocol.
func (m *Machine) Frame(now time.Time, protocol uint16, payload []byte) []Effect {
	return m.step(now, func() { m.receive(protocol, payload) })
}

func (m *Machine) receive(protocol uint16, payload []byte) {
	p, err := parsePacket(payload)
	if err == nil {
		m.trace("received", protocol, p)
	}
	switch {
	case protocol == ProtocolLCP:
		if err == nil {
			m.lcp.listen(p)
			m.link.receive(p)
		}
	case m.link.state != opened: // RFC 1661 section 3.4: dropped
	case protocol == ProtocolPAP, protocol == ProtocolCHAP, protocol == ProtocolEAP:
		m.auth.receive(protocol, p, payload, err)
	case protocol == ProtocolCBCP:
		if err == nil && m.let {
			m.noCallback(p)
		}
	case protocol == ProtocolCCP && m.ccp != nil:
		m.auth.implied()
		if err == nil && m.let {
			m.ccp.receive(p)
		}
	case protocol == protocolIPv6 && m.ipv6 != nil:
		m.ipv6.advertised(payload)
	case protocol == protocolIPv4 && !m.c.NoIPv4: // nobody can take it yet
	default:
		m.forNetwork(protocol, p, payload, err)
	}
}

func (m *Machine) forNetwork(protocol uint16, p packet, payload []byte, malformed error) {
	for _, n := range m.nets {
		if n.protocol == protocol {
			m.auth.implied()
			if malformed == nil && m.let {
				n.receive(p)
			}
			return
		}
	}
	m.link.id++
	rejected := binary.BigEndian.AppendUint16(nil, protocol)
	m.send(ProtocolLCP, packet{protocolReject, m.link.id, clip(append(rejected, payload...))})
}

// Tick does what is due.
func (m *Machine) Tick(now time.Time) []Effect {
	return m.step(now, func() {
		for _, a := range m.automatons() {
			if !a.due.IsZero() && !a.due.After(now) {
				a.tick()
			}
		}
		if m.auth != nil {
			m.auth.tick()
		}
		if m.ipv6 != nil {
			m.ipv6.tick()
		}
		if !m.settle.IsZero() && !m.settle.After(now) {
			m.settle = time.Time{}
			m.show(true)
		}
	})
}

// Deadline is when Tick is due next; zero: nothing waits for a time.
func (m *Machine) Deadline() (first time.Time) {
	if m.ended {
		return first
	}
	sooner := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, a := range m.automatons() {
		sooner(a.due)
	}
	if m.auth != nil {
		sooner(m.auth.due)
	}
	if m.ipv6 != nil {
		sooner(m.ipv6.due)
	}
	sooner(m.settle)
	return first
}

func (m *Machine) automatons() []*automaton {
	all := []*automaton{m.link}
	if m.ccp != nil {
		all = append(all, m.ccp)
	}
	for _, n := range m.nets {
		all = append(all, n.automaton)
	}
	return all
}

// linkUp begins the login.
func (m *Machine) linkUp() {
	m.auth = newLogin(m)
	m.auth.begin()
}

// linkDown is the end of all that was built on the link.
func (m *Machine) linkDown() {
	if l := m.encryption(); l != nil && m.let && m.lcp.bye {
		l.parted()
	}
	for _, a := range m.automatons()[1:] {
		a.happens(down)
	}
	m.auth, m.let, m.begun, m.settle = nil, false, false, time.Time{}
}

// admitted begins what the link is for.
func (m *Machine) admitted(method Method, key []byte) {
	m.let = true
	m.emit(Authenticated{method, key})
	if m.encrypts(method) {
		m.ccp.happens(open)
		m.ccp.happens(up)
		return
	}
	m.beginNetworks()
}

// beginNetworks begins them once on a link.
func (m *Machine) beginNetworks() {
	if m.begun {
		return
	}
	m.begun = true
	for _, n := range m.nets {
		n.gone = false
		n.happens(open)
		n.happens(up)
	}
}

// linkFinished is that nothing comes of the link any more.
func (m *Machine) linkFinished() {
	switch {
	case m.leaving:
		m.end(nil)
	case m.lcp.failed != nil:
		m.end(m.lcp.failed)
	case m.lcp.bye:
		m.end(diag.New(diag.SessionEnded, "the gateway ended the session", m.lcp.words()))
	case m.link.refused > maxNaks:
		m.end(diag.New(diag.Protocol, "the gateway and this client cannot agree on a link", "It refused every proposal."))
	case m.link.naks > maxFailure:
		m.end(diag.New(diag.Protocol, "the gateway and this client cannot agree on a link", "It insists on what cannot be used here."))
	default:
		m.end(diag.New(diag.Unreachable, "the gateway does not answer", "It accepted the connection, but speaks no PPP on it."))
	}
}

// trace shows a packet, without what is in it where that may be a secret.
func (m *Machine) trace(did string, protocol uint16, p packet) {
	if !m.c.Trace {
		return
	}
	name := fmt.Sprintf("protocol %#04x", protocol)
	if known, found := protocolNames[protocol]; found {
		name = known
	}
	text := fmt.Sprintf("%s %s %s id=%d, %d bytes", did, name, codeName(protocol, p.code), p.id, headerSize+len(p.data))
	if protocol == ProtocolLCP || protocol&0xc000 == 0x8000 { // of the network
		text += fmt.Sprintf(" %x", p.data)
	}
	m.emit(Trace{text})
}

// Magic is our number on the link, which an answer to an Echo-Request has in it.
func (m *Machine) Magic() uint32 { return m.lcp.magic }
