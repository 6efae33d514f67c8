package ppp

import (
	"net/netip"
	"slices"
)

// Options of IPCP (RFC 1332, RFC 1877).
const (
	optAddress = 3
	optDNS1    = 129
	optNBNS1   = 130
	optDNS2    = 131
	optNBNS2   = 132
)

// ipcp negotiates IPv4.
type ipcp struct {
	netLayer
	asks []ask
	peer netip.Addr
}

// ask is an address that we ask for.
type ask struct {
	kind byte
	want netip.Addr // 0.0.0.0: the peer knows
	off  bool       // it does not
}

func newIPCP(m *Machine) *ipcp {
	l := &ipcp{netLayer: netLayer{m, ProtocolIPCP}}
	for _, kind := range []byte{optAddress, optDNS1, optNBNS1, optDNS2, optNBNS2} {
		l.asks = append(l.asks, ask{kind: kind, want: netip.IPv4Unspecified()})
	}
	if m.c.Address.Is4() {
		l.asks[0].want = m.c.Address
	}
	return l
}

func (l *ipcp) request() []option {
	var all []option
	for _, a := range l.asks {
		if !a.off {
			all = append(all, option{a.kind, a.want.AsSlice()})
		}
	}
	return all
}

// judge lets the peer have its own address; we have none to give.
func (l *ipcp) judge(asked []option) (reject, _ []option) {
	l.peer = netip.Addr{}
	for _, o := range asked {
		a := address(o.value)
		if o.kind != optAddress || !a.IsValid() || a.IsUnspecified() {
			reject = append(reject, o)
			continue
		}
		l.peer = a
	}
	return reject, nil
}

func (l *ipcp) naked(wanted []option) {
	for _, o := range wanted {
		for i := range l.asks {
			if a := &l.asks[i]; a.kind == o.kind && address(o.value).IsValid() {
				a.off = a.want == address(o.value) // it asks for what it just refused
				a.want = address(o.value)
			}
		}
	}
}

func (l *ipcp) rejected(refused []option) {
	for _, o := range refused {
		for i := range l.asks {
			if l.asks[i].kind == o.kind {
				l.asks[i].off = true
			}
		}
	}
}

// up is none without an address.
func (l *ipcp) up() {
	if a := l.asks[0]; a.off || !usable(a.want) {
		l.m.emit(Note{"The gateway gives no IPv4 address."})
		l.m.network(ProtocolIPCP).happens(shut)
		return
	}
	l.netLayer.up()
}

// usable says whether a can be an address of ours.
func usable(a netip.Addr) bool {
	return a.IsValid() && !a.IsUnspecified() && !a.IsLoopback() && !a.IsMulticast() && a != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

func (l *ipcp) tell(n *Network) {
	n.Address, n.Peer = l.asks[0].want, l.peer
	for _, a := range l.asks[1:] {
		switch {
		case a.off || !usable(a.want) || slices.Contains(n.DNS, a.want) || slices.Contains(n.NBNS, a.want):
		case a.kind == optDNS1 || a.kind == optDNS2:
			n.DNS = append(n.DNS, a.want)
		default:
			n.NBNS = append(n.NBNS, a.want)
		}
	}
}

func (l *ipcp) resume(n Network) bool {
	l.asks[0].want, l.peer = n.Address, n.Peer
	return n.Address.IsValid()
}
