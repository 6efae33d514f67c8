package packet

import "encoding/binary"

// Sum adds the 16-bit words of b to a running sum that is not folded yet; an odd
// last byte counts as the high one (RFC 1071).
func Sum(b []byte, sum uint64) uint64 {
	for len(b) >= 8 {
		v := binary.BigEndian.Uint64(b)
		sum += v>>32 + v&0xffffffff
		b = b[8:]
	}
	for len(b) >= 2 {
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
