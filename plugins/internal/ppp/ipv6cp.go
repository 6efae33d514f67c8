package ppp

import (
	"io"
	"net/netip"
)

// optInterface is IPv6CP's (RFC 5072 section 4.1).
const optInterface = 1

// ipv6cp negotiates IPv6: the last half of a link-local address each.
type ipv6cp struct {
	netLayer
	own, peer [8]byte
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

func (l *ipv6cp) tell(n *Network) {
	b := [16]byte{0xfe, 0x80}
	copy(b[8:], l.own[:])
	n.LinkLocal = netip.AddrFrom16(b)
}

func (l *ipv6cp) resume(n Network) bool {
	if n.LinkLocal.IsValid() {
		b := n.LinkLocal.As16()
		l.own = [8]byte(b[8:])
	}
	return n.LinkLocal.IsValid()
}
