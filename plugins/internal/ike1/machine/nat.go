package machine

import (
	"encoding/binary"
	"net/netip"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
)

// natWay is one of the ways to tell that there is a NAT: RFC 3947 and the drafts before.
type natWay struct {
	vendors           []*ike1.Vendor
	hash, original    ike1.PayloadType
	tunnel, transport uint16
}

var natWays = []natWay{
	{[]*ike1.Vendor{ike1.VendorNAT}, ike1.TypeNATD, ike1.TypeNATOA, modeTunnel, modeTransport},
	{[]*ike1.Vendor{ike1.VendorNATDraft3, ike1.VendorNATDraft2, ike1.VendorNATOlder2}, ike1.TypeNATDOld, ike1.TypeNATOAOld, modeTunnelOld, modeTransportOld},
}

func (w natWay) in(p []ike1.Payload) bool {
	for _, v := range w.vendors {
		if v.In(p) {
			return true
		}
	}
	return false
}

// natHashes tell the gateway where we see it, and ourselves somewhere else: it finds a NAT
// always then, and sends ESP in UDP.
func (m *Machine) natHashes(sa *isakmp) ([]ike1.Payload, error) {
	made, err := m.random(sa.suite.Hash.Size)
	if err != nil {
		return nil, err
	}
	number := m.c.Remote.Port()
	if m.floated && !m.c.Begin4500 {
		number = portNATT
	}
	port := binary.BigEndian.AppendUint16(nil, number)
	there := sa.suite.Hash.Sum(sa.ours[:], sa.peer[:], m.c.Remote.Addr().Unmap().AsSlice(), port)
	return []ike1.Payload{{Type: sa.nat.hash, Body: there}, {Type: sa.nat.hash, Body: made}}, nil
}

// mode is that of ESP.
func (m *Machine) mode(sa *isakmp) uint16 {
	if m.c.Transport != nil {
		return sa.nat.transport
	}
	return sa.nat.tunnel
}

// originals are the addresses before NAT, for transport mode.
func (m *Machine) originals(sa *isakmp) (all []ike1.Payload) {
	for _, a := range []netip.Addr{m.c.Local.Addr(), m.c.Remote.Addr()} {
		id := addressID(a)
		all = append(all, ike1.Payload{Type: sa.nat.original, Body: append([]byte{byte(id.Kind), 0, 0, 0}, id.Data...)})
	}
	return all
}

// addressID is an identity that is an address.
func addressID(a netip.Addr) ike1.ID {
	a = a.Unmap()
	if a.Is6() {
		return ike1.ID{ID: ike.ID{Kind: ike.IDIPv6, Data: a.AsSlice()}}
	}
	if !a.IsValid() {
		a = netip.IPv4Unspecified()
	}
	return ike1.ID{ID: ike.ID{Kind: ike.IDIPv4, Data: a.AsSlice()}}
}
