package tun

import (
	"encoding/binary"
	"errors"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// What the kernel hands over with a virtio header is not ready for the wire: a
// packet may lack its checksum, and may be many packets in one, to be cut.

// virtioSize is the length of struct virtio_net_hdr, in bytes.
const virtioSize = 10

// Of struct virtio_net_hdr (virtio 1.2, 5.1.6).
const (
	needsChecksum = 1 // flags

	gsoNone  = 0 // gso_type
	gsoTCPv4 = 1
	gsoTCPv6 = 4
	gsoUDP   = 5    // UDP_L4
	gsoECN   = 0x80 // beside the others
)

const (
	ipv4Header = 20
	ipv6Header = 40
	tcpHeader  = 20
	udpHeader  = 8

	tcpFIN, tcpPSH, tcpCWR = 0x01, 0x08, 0x80

	tcpChecksum = 16 // where it is in a TCP header
)

var errVirtio = errors.New("tun: the kernel describes a packet wrongly")

// complete fills in the checksum of a packet that lacks it. The place of the sum
// holds that of the pseudo header.
func complete(virtio, pkt []byte) error {
	if virtio[0]&needsChecksum == 0 {
		return nil
	}
	start, at := field(virtio, 6), field(virtio, 6)+field(virtio, 8)
	if start > len(pkt) || at+2 > len(pkt) {
		return errVirtio
	}
	putChecksum(pkt[at:], packet.Sum(pkt[start:], 0))
	return nil
}

// field is a 16-bit field of a virtio header, which is in the byte order of the machine.
func field(virtio []byte, at int) int { return int(binary.NativeEndian.Uint16(virtio[at:])) }

// putChecksum writes the sum as it goes into TCP and UDP: 0 would stand for none (RFC 768).
func putChecksum(at []byte, sum uint64) {
	c := packet.Checksum(sum)
	if c == 0 {
		c = 0xffff
	}
	binary.BigEndian.PutUint16(at, c)
}

// segments cuts a packet that is many: TCP segments or UDP datagrams of one size, the
// last maybe shorter, behind one header.
type segments struct {
	pkt   []byte // the header, as it came, and the first payload
	rest  []byte // payload not cut yet
	size  int    // of a segment's payload
	start int    // where the transport header begins
	head  int    // the length of both headers

	udp     bool
	v6      bool
	flags   byte // of TCP
	seq     uint32
	id      uint16 // of IPv4
	pseudo  uint64 // sum of addresses and protocol
	pending bool   // there is something to cut
	first   bool
}

// cut begins with a packet, which stays in place until next has returned all of it.
func (s *segments) cut(virtio, pkt []byte) error {
	*s = segments{pkt: pkt, size: field(virtio, 4), start: field(virtio, 6), first: true}
	kind := virtio[1] &^ gsoECN
	s.udp, s.v6 = kind == gsoUDP, len(pkt) > 0 && pkt[0]>>4 == 6
	least, header := ipv4Header, tcpHeader
	if s.v6 {
		least = ipv6Header
	}
	if s.udp {
		header = udpHeader
	}
	known := kind == gsoUDP || kind == gsoTCPv4 && !s.v6 || kind == gsoTCPv6 && s.v6
	if !known || s.size == 0 || s.start < least || s.start+header > len(pkt) || len(pkt) > packet.MaxSize {
		return errVirtio
	}
	if !s.udp {
		header = int(pkt[s.start+12]>>4) * 4
	}
	// The header's length in the virtio header is only a hint.
	if s.head = s.start + header; header < udpHeader || !s.udp && header < tcpHeader || s.head >= len(pkt) {
		return errVirtio
	}
	s.rest, s.pending = pkt[s.head:], true
	s.remember()
	return nil
}

// remember keeps what the first segment does not have as the whole has it.
func (s *segments) remember() {
	if s.v6 {
		s.pseudo = packet.Sum(s.pkt[8:40], 0)
	} else {
		s.pseudo = packet.Sum(s.pkt[12:20], 0)
		s.id = binary.BigEndian.Uint16(s.pkt[4:])
	}
	if s.udp {
		s.pseudo += protoUDP
	} else {
		s.pseudo += protoTCP
		s.flags, s.seq = s.pkt[s.start+13], binary.BigEndian.Uint32(s.pkt[s.start+4:])
	}
}

const protoTCP, protoUDP = 6, 17

// next makes dst the next segment and returns its length. The first may be made where
// the whole lies.
func (s *segments) next(dst []byte) (int, error) {
	n := min(s.size, len(s.rest))
	if s.head+n > len(dst) {
		return 0, errVirtio
	}
	if &dst[0] != &s.pkt[0] {
		copy(dst, s.pkt[:s.head])
		copy(dst[s.head:], s.rest[:n])
	}
	s.rest = s.rest[n:]
	s.pending = len(s.rest) > 0
	dst = dst[:s.head+n]
	s.network(dst)
	s.transport(dst)
	s.first = false
	s.seq += uint32(n)
	s.id++
	return len(dst), nil
}

// network gives a segment its own IP header.
func (s *segments) network(seg []byte) {
	if s.v6 {
		binary.BigEndian.PutUint16(seg[4:], uint16(len(seg)-ipv6Header))
		return
	}
	binary.BigEndian.PutUint16(seg[2:], uint16(len(seg)))
	binary.BigEndian.PutUint16(seg[4:], s.id)
	binary.BigEndian.PutUint16(seg[10:], 0)
	binary.BigEndian.PutUint16(seg[10:], packet.Checksum(packet.Sum(seg[:s.start], 0)))
}

// transport gives a segment its own TCP or UDP header: FIN and PSH belong to the last
// one, CWR to the first.
func (s *segments) transport(seg []byte) {
	t := seg[s.start:]
	at := tcpChecksum
	if s.udp {
		at = 6
		binary.BigEndian.PutUint16(t[4:], uint16(len(t)))
	} else {
		binary.BigEndian.PutUint32(t[4:], s.seq)
		t[13] = s.flags
		if s.pending {
			t[13] &^= tcpFIN | tcpPSH
		}
		if !s.first {
			t[13] &^= tcpCWR
		}
	}
	binary.BigEndian.PutUint16(t[at:], 0)
	putChecksum(t[at:], packet.Sum(t, s.pseudo+uint64(len(t))))
}

// move has what is left lie in store, which is as long as the longest packet.
func (s *segments) move(store []byte) {
	s.pkt = store[:copy(store, s.pkt[:s.head])]
	s.rest = store[s.head : s.head+copy(store[s.head:], s.rest)]
}
