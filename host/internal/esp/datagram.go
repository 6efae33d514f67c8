package esp

import "encoding/binary"

// Transport mode: the payload is a datagram of UDP, whose addresses are those outside.

const (
	nextUDP = 17

	// UDPHeader is what stands before what a datagram holds, in bytes.
	UDPHeader = 8
)

// Ports are those of the datagrams of transport mode. The zero value is tunnel mode.
type Ports struct{ Local, Remote uint16 }

// datagrams says that it is transport mode.
func (p Ports) datagrams() bool { return p.Local != 0 }

// put makes b[offset:] a datagram, which begins at what it returns. Its checksum is left
// out: the ICV protects it, and a NAT would make it wrong (RFC 3948 section 3.1.2).
func (p Ports) put(b []byte, offset int) int {
	at := offset - UDPHeader
	h := b[at:offset]
	binary.BigEndian.PutUint16(h, p.Local)
	binary.BigEndian.PutUint16(h[2:], p.Remote)
	binary.BigEndian.PutUint16(h[4:], uint16(len(b)-at))
	binary.BigEndian.PutUint16(h[6:], 0)
	return at
}

// inside judges a payload and returns the length of what the datagram holds, which begins
// UDPHeader behind payload's start. The checksum is not looked at.
func (p Ports) inside(payload []byte, next byte) (int, Verdict) {
	switch {
	case next == nextDummy:
		return 0, Dummy
	case next != nextUDP || len(payload) < UDPHeader:
		return 0, Foreign
	case binary.BigEndian.Uint16(payload) != p.Remote || binary.BigEndian.Uint16(payload[2:]) != p.Local:
		return 0, Foreign
	}
	n := int(binary.BigEndian.Uint16(payload[4:]))
	if n < UDPHeader || n > len(payload) {
		return 0, Malformed
	}
	return n - UDPHeader, Good
}
