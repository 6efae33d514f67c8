// Package ppp reads and writes what stands in front of a packet in a PPP frame: address,
// control and protocol (RFC 1661 sections 2 and 6.5, RFC 1662 section 3.1).
package ppp

import "encoding/binary"

// Protocols that carry packets.
const (
	IPv4 = 0x0021
	IPv6 = 0x0057
)

// LCP is the protocol whose frames are never written short.
const LCP = 0xc021

// Form is how frames are written. Any form is understood.
type Form struct {
	NoAddress     bool // without address and control, but for LCP
	ShortProtocol bool // protocols below 0x100 in one octet
}

// Size is how many octets stand before the payload of a frame of that protocol.
func (f Form) Size(protocol uint16) int {
	n := 4
	if f.NoAddress && protocol != LCP {
		n -= 2
	}
	if f.ShortProtocol && protocol < 0x100 {
		n--
	}
	return n
}

// Put writes the octets into h, which has their size.
func (f Form) Put(h []byte, protocol uint16) {
	if !f.NoAddress || protocol == LCP {
		h[0], h[1] = 0xff, 0x03
		h = h[2:]
	}
	if len(h) == 1 {
		h[0] = byte(protocol)
		return
	}
	binary.BigEndian.PutUint16(h, protocol)
}

// Parse returns the protocol of a frame and what is behind it. ok is false for what is
// no frame of PPP.
func Parse(b []byte) (protocol uint16, payload []byte, ok bool) {
	if len(b) >= 2 && b[0] == 0xff && b[1] == 0x03 {
		b = b[2:]
	}
	switch {
	case len(b) >= 1 && b[0] == 0xff, len(b) >= 2 && b[0] == 0 && b[1] == 0xff:
		return 0, nil, false // 0x00ff is reserved: it looks like an address
	case len(b) >= 1 && b[0]&1 == 1: // the last octet of a protocol is odd, and only that
		return uint16(b[0]), b[1:], true
	case len(b) >= 2 && b[1]&1 == 1:
		return binary.BigEndian.Uint16(b), b[2:], true
	}
	return 0, nil, false
}
