package packet

import "encoding/binary"

// The octet that IPv4 calls type of service and IPv6 traffic class: six bits of DSCP
// (RFC 2474), two of ECN (RFC 3168). What a tunnel does with it:
//
//	              outer on the way in       inner on the way out
//	DSCP          0, or the inner one       the inner one (RFC 2983, pipe model)
//	ECN normal    the inner one             both combined (RFC 6040)
//	    compat    Not-ECT                   the same: the peer sends Not-ECT as well
//
// Normal mode is for a peer that is known to combine: one of IKEv2 (RFC 4301). Through
// a stream nothing of an outer header belongs to a packet.

// ECN is the last two bits of the octet.
type ECN uint8

// The codepoints.
const (
	NotECT ECN = 0 // does not understand marks: congestion drops it
	ECT1   ECN = 1
	ECT0   ECN = 2
	CE     ECN = 3 // congestion experienced
)

const (
	ecnBits  = 0x03
	dscpBits = 0xfc
)

// TOS returns the octet of an IP packet; 0 when b does not begin like one.
func TOS(b []byte) byte {
	switch {
	case len(b) < 2:
	case Version(b) == 4:
		return b[1]
	case Version(b) == 6:
		return b[0]<<4 | b[1]>>4
	}
	return 0
}

// SetTOS changes the octet of an IP packet, which has a whole header, and what the
// checksum of IPv4 makes of it: one that was wrong stays wrong.
func SetTOS(b []byte, tos byte) {
	if Version(b) == 6 {
		b[0] = b[0]&0xf0 | tos>>4
		b[1] = b[1]&0x0f | tos<<4
		return
	}
	old := binary.BigEndian.Uint16(b)
	b[1] = tos
	binary.BigEndian.PutUint16(b[10:], update(binary.BigEndian.Uint16(b[10:]), old, binary.BigEndian.Uint16(b)))
}

// Marking is what a tunnel's entry puts into outer headers.
type Marking struct {
	Normal   bool // ECN: the peer is known to combine
	PassDSCP bool // shows those on the way what is inside, and lets packets overtake others
}

// Outer returns the octet for the packet that carries inner.
func (m Marking) Outer(inner []byte) byte {
	var keep byte
	if m.Normal {
		keep |= ecnBits
	}
	if m.PassDSCP {
		keep |= dscpBits
	}
	if keep == 0 {
		return 0
	}
	return TOS(inner) & keep
}

// dropped is what the table holds for a packet that must not be delivered.
const dropped ECN = 0xff

// combined is figure 4 of RFC 6040, by inner and outer codepoint.
var combined = [4][4]ECN{
	NotECT: {NotECT: NotECT, ECT0: NotECT, ECT1: NotECT, CE: dropped},
	ECT0:   {NotECT: ECT0, ECT0: ECT0, ECT1: ECT1, CE: CE},
	ECT1:   {NotECT: ECT1, ECT0: ECT1, ECT1: ECT1, CE: CE},
	CE:     {NotECT: CE, ECT0: CE, ECT1: CE, CE: CE},
}

// CombineECN returns what a packet leaves a tunnel with; ok is false when it must be
// dropped, because congestion was met by a packet that does not understand marks.
func CombineECN(inner, outer ECN) (leaves ECN, ok bool) {
	leaves = combined[inner&ecnBits][outer&ecnBits]
	return leaves, leaves != dropped
}

// Decapsulate gives inner, an IP packet, the mark that the octet of its outer header
// asks for. It is false when the packet must be dropped.
func Decapsulate(inner []byte, outer byte) bool {
	tos := TOS(inner)
	leaves, ok := CombineECN(ECN(tos), ECN(outer))
	if ok && leaves != ECN(tos&ecnBits) {
		SetTOS(inner, tos&dscpBits|byte(leaves))
	}
	return ok
}
