package userstack

import (
	"sync/atomic"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// link is the tunnel as netstack sees it: a link without addresses of its own that takes
// TCP packets of any size, to be cut, and has checked what it delivers.
type link struct {
	queue      *queue
	mtu        atomic.Uint32
	dispatcher atomic.Pointer[stack.NetworkDispatcher] // nil: detached
}

var (
	_ stack.LinkEndpoint = (*link)(nil)
	_ stack.GSOEndpoint  = (*link)(nil)
)

func newLink(mtu int) *link {
	l := &link{queue: newQueue()}
	l.mtu.Store(uint32(mtu))
	return l
}

// WritePackets implements stack.LinkWriter.
func (l *link) WritePackets(list stack.PacketBufferList) (int, tcpip.Error) {
	for n, pkt := range list.AsSlice() {
		if !l.queue.put(pkt) {
			return n, &tcpip.ErrNoBufferSpace{}
		}
	}
	return list.Len(), nil
}

// Attach implements stack.NetworkLinkEndpoint.
func (l *link) Attach(d stack.NetworkDispatcher) {
	if d == nil {
		l.dispatcher.Store(nil)
		return
	}
	l.dispatcher.Store(&d)
}

// IsAttached implements stack.NetworkLinkEndpoint.
func (l *link) IsAttached() bool { return l.dispatcher.Load() != nil }

// DeliverNetworkPacket hands a packet from the tunnel to netstack.
func (l *link) DeliverNetworkPacket(protocol tcpip.NetworkProtocolNumber, pkt *stack.PacketBuffer) {
	if d := l.dispatcher.Load(); d != nil {
		(*d).DeliverNetworkPacket(protocol, pkt)
	}
}

// DeliverLinkPacket implements stack.NetworkDispatcher: there are no packets of the link.
func (l *link) DeliverLinkPacket(tcpip.NetworkProtocolNumber, *stack.PacketBuffer) {}

// Capabilities implements stack.NetworkLinkEndpoint: device.go has looked at the sums.
func (l *link) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityRXChecksumOffload
}

// SupportedGSO implements stack.GSOEndpoint: device.go cuts, as it does for the kernel.
func (l *link) SupportedGSO() stack.SupportedGSO { return stack.HostGSOSupported }

// GSOMaxSize implements stack.GSOEndpoint; netstack adds headers to it.
func (l *link) GSOMaxSize() uint32 {
	return packet.MaxSize - header.IPv6MinimumSize - header.TCPHeaderMaximumSize
}

// MTU implements stack.NetworkLinkEndpoint.
func (l *link) MTU() uint32 { return l.mtu.Load() }

// SetMTU implements stack.NetworkLinkEndpoint.
func (l *link) SetMTU(mtu uint32) { l.mtu.Store(mtu) }

// What follows implements the rest of stack.NetworkLinkEndpoint for a link that has no
// headers, no addresses, and no goroutines.

// MaxHeaderLength is that of the link's headers.
func (l *link) MaxHeaderLength() uint16 { return 0 }

// LinkAddress is none.
func (l *link) LinkAddress() tcpip.LinkAddress { return "" }

// SetLinkAddress does nothing.
func (l *link) SetLinkAddress(tcpip.LinkAddress) {}

// Wait returns at once.
func (l *link) Wait() {}

// ARPHardwareType is none.
func (l *link) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareNone }

// AddHeader does nothing.
func (l *link) AddHeader(*stack.PacketBuffer) {}

// ParseHeader does nothing.
func (l *link) ParseHeader(*stack.PacketBuffer) bool { return true }

// Close does nothing: the queue is closed by the device.
func (l *link) Close() {}

// SetOnCloseAction does nothing.
func (l *link) SetOnCloseAction(func()) {}
