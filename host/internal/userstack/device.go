package userstack

import (
	"os"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/stack/gro"

	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/host/internal/tun"
)

// batch is the number of packets that are read together at most.
const batch = 128

// device is a stack as the data plane sees it: what netstack sends is read from it, and
// what is written to it netstack receives.
type device struct {
	*netstack
	name   string
	cutter *tun.Cutter
	virtio [tun.VirtioSize]byte
	merger gro.GRO
}

var _ tun.Device = (*device)(nil)

func newDevice(name string, s *netstack) *device {
	d := &device{netstack: s, name: name, cutter: tun.NewCutter()}
	d.merger.Init(true)
	d.merger.Dispatcher = s.link
	return d
}

// Read implements tun.Device.
func (d *device) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	d.cutter.Begin(bufs, sizes, offset)
	if d.cutter.Full() {
		return d.cutter.N(), nil
	}
	for d.cutter.Room() {
		pkt := d.link.queue.take(d.cutter.N() == 0)
		switch {
		case pkt != nil:
			d.load(pkt)
			pkt.DecRef()
		case d.cutter.N() == 0:
			return 0, os.ErrClosed
		default:
			return d.cutter.N(), nil
		}
	}
	return d.cutter.N(), nil
}

// load lays a packet out and has it completed and cut. What no longer fits the tunnel is
// cut smaller than netstack thought: TCP does not mind.
func (d *device) load(pkt *stack.PacketBuffer) {
	space, n := d.cutter.Space(), 0
	views, skip := pkt.AsViewList()
	for v := views.Front(); v != nil; v = v.Next() {
		b := v.AsSlice()
		if skip >= len(b) {
			skip -= len(b)
			continue
		}
		n += copy(space[n:], b[skip:])
		skip = 0
	}
	clear(d.virtio[:])
	if gso := pkt.GSOOptions; gso.Type != stack.GSONone {
		start := len(pkt.NetworkHeader().Slice())
		head, size := start+len(pkt.TransportHeader().Slice()), 0
		if most := min(int(gso.MSS), int(d.link.MTU())-head); gso.MSS > 0 && n-head > most {
			size = max(most, 1)
		}
		tun.PutVirtioTCP(d.virtio[:], gso.Type == stack.GSOTCPv6, start, size)
	}
	d.cutter.Take(d.virtio[:], space[:n])
}

// Write implements tun.Device. What is not valid is lost as on a wire.
func (d *device) Write(bufs [][]byte, offset int) (int, error) {
	for _, b := range bufs {
		if b = b[offset:]; valid(b) {
			d.deliver(b)
		}
	}
	// Flush leaves all but one flow of a bucket behind; a bucket holds no more than 8.
	for range min(len(bufs), 8) {
		d.merger.Flush()
	}
	return len(bufs), nil
}

func (d *device) deliver(b []byte) {
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(b)})
	defer pkt.DecRef()
	pkt.NetworkProtocolNumber, pkt.RXChecksumValidated = header.IPv4ProtocolNumber, true
	if packet.Version(b) == 6 {
		pkt.NetworkProtocolNumber = header.IPv6ProtocolNumber
	}
	d.merger.Enqueue(pkt)
}

// valid checks lengths and sums, which netstack then does not: it cannot once packets are
// merged. Of fragments only the header counts.
func valid(b []byte) bool {
	if packet.Len(b) != len(b) || len(b) == 0 {
		return false
	}
	if packet.Version(b) == 6 {
		return validSum(b[6], b[8:24], b[24:40], b[header.IPv6MinimumSize:])
	}
	h := header.IPv4(b)
	start := int(h.HeaderLength())
	if packet.Checksum(packet.Sum(b[:start], 0)) != 0 {
		return false
	}
	if h.More() || h.FragmentOffset() != 0 {
		return true
	}
	return validSum(h.Protocol(), b[12:16], b[16:20], b[start:])
}

// validSum is about TCP and UDP, which may come without a sum over IPv4; netstack checks
// ICMP's itself.
func validSum(protocol byte, src, dst, rest []byte) bool {
	switch {
	case protocol == uint8(header.TCPProtocolNumber):
	case protocol != uint8(header.UDPProtocolNumber):
		return true
	case len(rest) < header.UDPMinimumSize || len(src) == header.IPv4AddressSize && header.UDP(rest).Checksum() == 0:
		return true // too short: netstack drops it
	}
	return packet.Checksum(packet.Sum(rest, packet.PseudoSum(src, dst, protocol, len(rest)))) == 0
}

// BatchSize implements tun.Device.
func (d *device) BatchSize() int { return batch }

// Name implements tun.Device.
func (d *device) Name() string { return d.name }

// SetMTU implements tun.Device.
func (d *device) SetMTU(mtu int) error {
	d.link.SetMTU(uint32(mtu))
	return nil
}

// Close implements tun.Device; every connection ends.
func (d *device) Close() error { return d.netstack.close() }
