package packet

import "encoding/binary"

const (
	ipv4Header = 20 // RFC 791 3.1, without options
	ipv6Header = 40 // RFC 8200 3
)

// Version returns 4 or 6, or 0 when b does not begin like an IP packet.
func Version(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	switch v := b[0] >> 4; v {
	case 4, 6:
		return int(v)
	}
	return 0
}

// Len returns the length of the IP packet that b begins with, in bytes, as its
// header tells it. It is 0 when b is no IP packet or holds only a part of one.
// What follows the packet in b is padding.
func Len(b []byte) int {
	n := 0
	switch {
	case Version(b) == 4 && len(b) >= ipv4Header:
		n = int(binary.BigEndian.Uint16(b[2:]))
		if ihl := int(b[0]&0x0f) * 4; ihl < ipv4Header || n < ihl {
			return 0
		}
	case Version(b) == 6 && len(b) >= ipv6Header:
		n = ipv6Header + int(binary.BigEndian.Uint16(b[4:]))
	}
	if n > len(b) {
		return 0
	}
	return n
}
