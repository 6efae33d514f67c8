package gpgate

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// magic begins the data of a ping that the gateway itself answers; to others it is deaf.
const magic = "monitor\x00\x00pan ha "

// watched is ESP whose probes do not reach the device.
type watched struct {
	*esp.Wire
	s *session
}

func (s *session) watch(w *esp.Wire) *watched { return &watched{w, s} }

// Recv implements dataplane.Datagram.
func (w *watched) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	for {
		n, err := w.Wire.Recv(bufs, sizes, offset)
		if n = w.sift(bufs[:n], sizes, offset); n > 0 || err != nil {
			return n, err
		}
	}
}

// sift keeps what is for the device, in front, and returns how many that are.
func (w *watched) sift(bufs [][]byte, sizes []int, offset int) int {
	s := w.s
	s.mu.Lock()
	pings, mute := s.ping, s.mute()
	s.mu.Unlock()
	kept := 0
	for i, b := range bufs {
		if pkt := b[offset : offset+sizes[i]]; toGate(pkt, pings) {
			w.probe(pkt)
			continue
		}
		if mute {
			continue
		}
		bufs[kept], bufs[i] = bufs[i], bufs[kept]
		sizes[kept], sizes[i] = sizes[i], sizes[kept]
		kept++
	}
	return kept
}

// toGate says whether an IP packet goes to one of the two addresses.
func toGate(pkt []byte, pings []netip.Addr) bool {
	switch packet.Version(pkt) {
	case 4:
		a := pings[0].As4()
		return bytes.Equal(pkt[16:20], a[:])
	case 6:
		a := pings[1].As16()
		return bytes.Equal(pkt[24:40], a[:])
	}
	return false
}

// echo is where things are in a ping of one family.
type echo struct {
	version        int
	proto, header  int // offset and length
	src, dst, size int // of the addresses
	next, ask      byte
	pseudo         bool // the checksum counts the addresses in
}

var echoes = map[int]echo{
	4: {4, 9, 20, 12, 16, 4, 1, 8, false},
	6: {6, 6, 40, 8, 24, 16, 58, 128, true},
}

// probe answers a magic ping.
func (w *watched) probe(pkt []byte) {
	e := echoes[packet.Version(pkt)]
	if len(pkt) < e.header+8+len(magic) || pkt[e.proto] != e.next || pkt[e.header] != e.ask || string(pkt[e.header+8:][:len(magic)]) != magic {
		return
	}
	note := fmt.Sprintf("IPv%d seq %d", e.version, binary.BigEndian.Uint16(pkt[e.header+6:]))
	if packet.Checksum(e.sum(pkt)) != 0 {
		note += ", bad checksum"
	}
	w.s.g.seen.add(Event{Kind: Probe, User: w.s.user, Session: w.s.number, Note: note})
	if w.s.g.config.Load().ESP.Deaf {
		return
	}
	b := make([]byte, packet.Headroom, packet.Headroom+len(pkt)+packet.Tailroom)
	_ = w.Send([][]byte{append(b, e.answer(pkt)...)}, packet.Headroom) // or the path ends, and says so itself
}

// answer is that to a ping.
func (e echo) answer(pkt []byte) []byte {
	a := bytes.Clone(pkt)
	copy(a[e.src:], pkt[e.dst:e.dst+e.size])
	copy(a[e.dst:], pkt[e.src:e.src+e.size])
	a[e.header] = map[byte]byte{8: 0, 128: 129}[e.ask]
	binary.BigEndian.PutUint16(a[e.header+2:], 0)
	binary.BigEndian.PutUint16(a[e.header+2:], packet.Checksum(e.sum(a)))
	return a
}

// sum is of ICMP; its packet.Checksum is 0 when the one in pkt is right.
func (e echo) sum(pkt []byte) uint64 {
	data, before := pkt[e.header:], uint64(0)
	if e.pseudo {
		before = packet.PseudoSum(pkt[e.src:e.src+e.size], pkt[e.dst:e.dst+e.size], e.next, len(data))
	}
	return packet.Sum(data, before)
}
