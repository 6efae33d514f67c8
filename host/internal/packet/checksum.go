package packet

import (
	"encoding/binary"
	"math/bits"
)

// Sum adds the 16-bit words of b to a running sum that is not folded yet; an odd
// last byte counts as the high one (RFC 1071).
func Sum(b []byte, sum uint64) uint64 {
	// One's complement sums do not care about the width of their words.
	var carry uint64
	for len(b) >= 32 {
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[8:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[16:]), carry)
		sum, carry = bits.Add64(sum, binary.BigEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
	sum, carry = bits.Add64(sum, 0, carry)
	sum += carry
	sum = sum>>32 + sum&0xffffffff
	for len(b) >= 4 {
		sum += uint64(binary.BigEndian.Uint32(b))
		b = b[4:]
	}
	if len(b) >= 2 {
		sum += uint64(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint64(b[0]) << 8
	}
	return sum
}

// PseudoSum is the running sum of the pseudo header of RFC 9293 3.1 and RFC 8200
// 8.1. src and dst are of one family; length counts header and data of proto.
func PseudoSum(src, dst []byte, proto uint8, length int) uint64 {
	return Sum(dst, Sum(src, uint64(proto)+uint64(length)))
}

// Checksum folds a running sum into the value that goes into a header.
func Checksum(sum uint64) uint16 {
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

// update returns checksum after a 16-bit word changed from old to new (RFC 1624, equation 3).
func update(checksum, old, new uint16) uint16 {
	return Checksum(uint64(^checksum) + uint64(^old) + uint64(new))
}
