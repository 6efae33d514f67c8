package ppp

import (
	"net/netip"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// network is one protocol that packets are of.
type network struct {
	*automaton
	name string
	gone bool // nothing will come of it
}

// agreed is a layer of a network protocol.
type agreed interface {
	layer
	// tell writes what was agreed on into n; resume takes it from there, if there is any.
	tell(n *Network)
	resume(n Network) bool
	// waits says that more than the agreement is needed, and on its way.
	waits() bool
}

func (m *Machine) add(protocol uint16, name string, l agreed) {
	n := &network{automaton: &automaton{m: m, protocol: protocol, layer: l}, name: name}
	m.nets = append(m.nets, n)
}

func (m *Machine) network(protocol uint16) *network {
	i := slices.IndexFunc(m.nets, func(n *network) bool { return n.protocol == protocol })
	return m.nets[i]
}

// ready says that packets may flow.
func (n *network) ready() bool { return n.state == opened && !n.layer.(agreed).waits() }

// patience is how long the first network that is up waits for the others.
const patience = 3 * time.Second

// changed is called when a network is up, or will not be.
func (m *Machine) changed() {
	settled, isUp := true, false
	for _, n := range m.nets {
		isUp = isUp || n.ready()
		settled = settled && (n.ready() || n.gone)
	}
	switch {
	case settled && !isUp:
		m.end(diag.New(diag.Protocol, "the gateway gives no address", "It speaks neither IPv4 nor IPv6 with this client; its administrator can tell why."))
	case settled:
		m.settle = time.Time{}
		m.show(false)
	case isUp && m.settle.IsZero():
		m.settle = m.now.Add(patience)
	}
}

// show emits Up with what is agreed on now, if that is news.
func (m *Machine) show(late bool) {
	n := Network{MRU: m.lcp.peer.mru, ShortProtocol: m.lcp.peer.pfc, NoAddress: m.lcp.peer.acfc}
	for _, net := range m.nets {
		if net.ready() {
			net.layer.(agreed).tell(&n)
		} else if late {
			m.emit(Note{"The gateway does not answer for " + net.name + "."})
		}
	}
	if m.shown != nil && m.shown.same(n) {
		return
	}
	m.shown = &n
	m.emit(Up{n})
}

func (n Network) same(o Network) bool {
	return n.Address == o.Address && n.Peer == o.Peer && n.IPv6 == o.IPv6 && n.MRU == o.MRU &&
		n.ShortProtocol == o.ShortProtocol && n.NoAddress == o.NoAddress &&
		slices.Equal(n.DNS, o.DNS) && slices.Equal(n.NBNS, o.NBNS)
}

// netLayer is what the network protocols have in common.
type netLayer struct {
	m        *Machine
	protocol uint16
}

func (l *netLayer) up() {
	l.m.network(l.protocol).gone = false
	l.m.changed()
}

func (l *netLayer) down() {}

func (l *netLayer) waits() bool { return false }

func (l *netLayer) finished() {
	l.m.network(l.protocol).gone = true
	if l.m.let {
		l.m.changed()
	}
}

func (l *netLayer) other(packet) bool { return false }

// address reads the value of an option, invalid for what is none.
func address(value []byte) netip.Addr {
	if len(value) != 4 {
		return netip.Addr{}
	}
	return netip.AddrFrom4([4]byte(value))
}
