package packet

import (
	"encoding/binary"
	"math/bits"
)

// The clamp, in the order in which a packet passes it: find TCP, see SYN, find the
// MSS option, lower it, correct the checksum.

const (
	protoTCP   = 6
	tcpHeader  = 20
	tcpFlagSYN = 0x02

	optEnd = 0
	optNop = 1
	optMSS = 2
)

// ClampMSS lowers the MSS option of a TCP SYN so that the answering segments fit
// mtu, and says whether it changed pkt. pkt is one whole IP packet. A SYN without
// the option is left alone: RFC 9293 3.7.1 then gives 536 (IPv4) or 1220 (IPv6).
func ClampMSS(pkt []byte, mtu int) bool {
	at, header := tcpOffset(pkt)
	if at == 0 || len(pkt) < at+tcpHeader || pkt[at+13]&tcpFlagSYN == 0 {
		return false
	}
	end := at + int(pkt[at+12]>>4)*4
	if end > len(pkt) {
		return false
	}
	mss := mssOption(pkt[:end], at+tcpHeader)
	limit := mtu - header - tcpHeader
	if mss == 0 || limit <= 0 {
		return false
	}
	old := binary.BigEndian.Uint16(pkt[mss:])
	if int(old) <= limit {
		return false
	}
	setMSS(pkt, at, mss, old, uint16(limit))
	return true
}

// tcpOffset returns where TCP begins in pkt and how long the IP header of the
// connection's data segments is, or 0 when pkt has no TCP header.
func tcpOffset(pkt []byte) (at, header int) {
	switch {
	case len(pkt) < ipv4Header:
	case pkt[0]>>4 == 4:
		// Fragments other than the first one have no TCP header.
		if pkt[9] == protoTCP && binary.BigEndian.Uint16(pkt[6:])&0x1fff == 0 {
			return max(int(pkt[0]&0x0f)*4, ipv4Header), ipv4Header
		}
	case pkt[0]>>4 == 6 && len(pkt) >= ipv6Header:
		return skipExtensions(pkt), ipv6Header
	}
	return 0, 0
}

// skipExtensions returns the offset of TCP behind the hop-by-hop, routing and
// destination options headers of an IPv6 packet (RFC 8200 4.1), or 0.
func skipExtensions(pkt []byte) int {
	next, at := pkt[6], ipv6Header
	for next == 0 || next == 43 || next == 60 {
		if at+2 > len(pkt) {
			return 0
		}
		next, at = pkt[at], at+8+int(pkt[at+1])*8
	}
	if next != protoTCP {
		return 0
	}
	return at
}

// mssOption returns the offset of the MSS value among the options that begin at i
// and end with header, or 0.
func mssOption(header []byte, i int) int {
	for i < len(header) && header[i] != optEnd {
		if header[i] == optNop {
			i++
			continue
		}
		if i+1 >= len(header) {
			return 0
		}
		size := int(header[i+1])
		if size < 2 || i+size > len(header) {
			return 0
		}
		if header[i] == optMSS && size == 4 {
			return i + 2
		}
		i += size
	}
	return 0
}

// setMSS writes the value at mss and corrects the checksum of the TCP header at at.
func setMSS(pkt []byte, at, mss int, old, new uint16) {
	binary.BigEndian.PutUint16(pkt[mss:], new)
	if (mss-at)%2 == 1 {
		// The value straddles two words: as summed, its bytes are swapped.
		old, new = bits.ReverseBytes16(old), bits.ReverseBytes16(new)
	}
	sum := pkt[at+16 : at+18]
	binary.BigEndian.PutUint16(sum, update(binary.BigEndian.Uint16(sum), old, new))
}
