// Package userstack is a TCP/IP of the process itself (gVisor's netstack) that stands for
// the TUN device: programs reach the inside through it without root. To the data plane it
// is a tun.Device; to whoever is a proxy it is a Network.
//
//	queue.go    packets on their way out, and who waits for room
//	link.go     what netstack knows of the tunnel
//	device.go   what the data plane knows of netstack
//	routes.go   which addresses are inside
//	message.go  questions to the inside's name servers, and answers
//	resolve.go  names
//	network.go  connections
package userstack

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const nic = 1 // the one interface

// What a stream may hold on its way, in bytes. Both grow as it needs.
const (
	streamFirst = 256 << 10
	streamMost  = 4 << 20
)

// netstack is the TCP/IP of a tunnel.
type netstack struct {
	*stack.Stack
	link  *link
	close func() error

	mu        sync.Mutex // guards addresses
	addresses []netip.Addr
}

// newStack makes one without addresses.
func newStack(mtu int) (*netstack, error) {
	s := &netstack{link: newLink(mtu), Stack: stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
	})}
	s.close = sync.OnceValue(func() error {
		s.link.queue.close() // first: who waits for room holds locks that Destroy takes
		s.Destroy()
		return nil
	})
	failed := s.tune()
	if failed == nil {
		failed = s.CreateNIC(nic, s.link)
	}
	if failed != nil {
		return nil, fmt.Errorf("the TCP/IP of the tunnel: %s", failed)
	}
	s.SetRouteTable([]tcpip.Route{{Destination: header.IPv4EmptySubnet, NIC: nic}, {Destination: header.IPv6EmptySubnet, NIC: nic}})
	return s, nil
}

// tune sets what netstack has otherwise. Its RACK takes acknowledgements that came together
// for losses: of 15800 segments it sent 220 again where none was lost, and slowed down for
// each; by duplicate acknowledgements and SACK it sent none again.
func (s *netstack) tune() tcpip.Error {
	recovery := tcpip.TCPRecovery(0)
	sack, moderate := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true)
	receive := tcpip.TCPReceiveBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: streamFirst, Max: streamMost}
	send := tcpip.TCPSendBufferSizeRangeOption{Min: tcp.MinBufferSize, Default: streamFirst, Max: streamMost}
	for _, o := range []tcpip.SettableTransportProtocolOption{&recovery, &sack, &moderate, &receive, &send} {
		if err := s.SetTransportProtocolOption(tcp.ProtocolNumber, o); err != nil {
			return err
		}
	}
	return nil
}

// setAddresses has the stack be at these, and ends connections of those it had.
func (s *netstack) setAddresses(prefixes []netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := map[netip.Addr]bool{}
	for _, a := range s.addresses {
		before[a] = true
	}
	s.addresses = nil
	for _, p := range prefixes {
		a := p.Addr()
		if slices.Contains(s.addresses, a) {
			continue
		}
		if !before[a] {
			if err := s.AddProtocolAddress(nic, tcpip.ProtocolAddress{Protocol: protocol(a), AddressWithPrefix: address(a).WithPrefix()}, stack.AddressProperties{}); err != nil {
				return fmt.Errorf("the address %s: %s", a, err)
			}
		}
		delete(before, a)
		s.addresses = append(s.addresses, a)
	}
	for a := range before {
		_ = s.RemoveAddress(nic, address(a))
		go s.endThose(address(a)) // each may wait for room in the queue
	}
	return nil
}

// endThose ends the connections of an address.
func (s *netstack) endThose(local tcpip.Address) {
	for _, e := range s.RegisteredEndpoints() {
		e, ok := e.(tcpip.Endpoint)
		if !ok {
			continue
		}
		if at, err := e.GetLocalAddress(); err == nil && at.Addr == local {
			e.Abort()
		}
	}
}

func address(a netip.Addr) tcpip.Address { return tcpip.AddrFromSlice(a.AsSlice()) }

func fullAddress(a netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: nic, Addr: address(a.Addr()), Port: a.Port()}
}

func protocol(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}
