package ppp

import (
	"io"
	"net/netip"
	"time"
)

// optInterface is IPv6CP's (RFC 5072 section 4.1).
const optInterface = 1

// ipv6cp negotiates IPv6: the last half of a link-local address each. The first half of
// others is advertised by routers.
type ipv6cp struct {
	netLayer
	own, peer [8]byte
	asked     int       // routers were, so often
	due       time.Time // when they are again; zero: they need not be
	heard     advert
}

func newIPv6CP(m *Machine) *ipv6cp {
	l := &ipv6cp{netLayer: netLayer{m, ProtocolIPv6CP}}
	l.own = l.random()
	return l
}

// random is an identifier that is nobody's, and says so.
func (l *ipv6cp) random() (id [8]byte) {
	_, _ = io.ReadFull(l.m.c.Random, id[:]) // zeros are refused by the peer
	id[0] &^= 2
	return id
}

func (l *ipv6cp) request() []option { return []option{{optInterface, l.own[:]}} }

func (l *ipv6cp) judge(asked []option) (reject, nak []option) {
	l.peer = [8]byte{}
	for _, o := range asked {
		if o.kind != optInterface || len(o.value) != len(l.peer) {
			reject = append(reject, o)
			continue
		}
		if l.peer = [8]byte(o.value); l.peer == [8]byte{} || l.peer == l.own {
			other := l.random()
			nak = append(nak, option{optInterface, other[:]})
		}
	}
	return reject, nak
}

func (l *ipv6cp) naked(wanted []option) {
	for _, o := range wanted {
		if o.kind == optInterface && len(o.value) == len(l.own) && [8]byte(o.value) != [8]byte{} {
			l.own = [8]byte(o.value)
		}
	}
}

// rejected ends it: there is nothing else to negotiate.
func (l *ipv6cp) rejected([]option) { l.m.network(ProtocolIPv6CP).happens(shut) }

// up is complete with an advertisement, which may be there from before.
func (l *ipv6cp) up() {
	if l.heard.prefix.IsValid() {
		l.netLayer.up()
		return
	}
	l.asked = 0
	l.solicit()
}

func (l *ipv6cp) down() { l.due = time.Time{} }

// waits says that routers are still to answer.
func (l *ipv6cp) waits() bool { return !l.due.IsZero() }

// address is ours with that prefix.
func (l *ipv6cp) address(prefix netip.Prefix) netip.Addr {
	b := prefix.Addr().As16()
	copy(b[8:], l.own[:])
	return netip.AddrFrom16(b)
}

var linkLocal = netip.MustParsePrefix("fe80::/64")

func (l *ipv6cp) linkLocal() netip.Addr { return l.address(linkLocal) }

func (l *ipv6cp) tell(n *Network) {
	n.IPv6 = l.address(l.heard.prefix)
	n.DNS = append(n.DNS, l.heard.dns...)
}

func (l *ipv6cp) resume(n Network) bool {
	if !n.IPv6.IsValid() {
		return false
	}
	b := n.IPv6.As16()
	l.own = [8]byte(b[8:])
	l.heard.prefix = netip.PrefixFrom(n.IPv6, identifierBits).Masked()
	for _, a := range n.DNS {
		if a.Is6() {
			l.heard.dns = append(l.heard.dns, a)
		}
	}
	return true
}
