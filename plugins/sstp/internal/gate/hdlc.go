package gate

import (
	"bufio"
	"encoding/binary"
	"io"
)

// Frames of PPP on a line of octets (RFC 1662): between flags, with escapes and a checksum.

const (
	flag   = 0x7e
	escape = 0x7d
	goodFC = 0xf0b8
)

// checksum is FCS-16 of RFC 1662 appendix C.
func checksum(b []byte) uint16 {
	fcs := uint16(0xffff)
	for _, x := range b {
		fcs ^= uint16(x)
		for range 8 {
			if fcs&1 == 1 {
				fcs = fcs>>1 ^ 0x8408
			} else {
				fcs >>= 1
			}
		}
	}
	return fcs
}

func appendHDLC(b, frame []byte) []byte {
	frame = binary.LittleEndian.AppendUint16(append([]byte(nil), frame...), ^checksum(frame))
	b = append(b, flag)
	for _, x := range frame {
		if x < 0x20 || x == flag || x == escape {
			b = append(b, escape, x^0x20)
		} else {
			b = append(b, x)
		}
	}
	return append(b, flag)
}

// readHDLC reads the next whole frame; others are passed over.
func readHDLC(r *bufio.Reader) ([]byte, error) {
	var frame []byte
	escaped := false
	for {
		x, err := r.ReadByte()
		switch {
		case err == io.EOF && len(frame) > 0:
			return nil, io.ErrUnexpectedEOF
		case err != nil:
			return nil, err
		case x == flag:
			if n := len(frame) - 2; n > 0 && checksum(frame) == goodFC {
				return frame[:n], nil
			}
			frame, escaped = nil, false
		case x == escape:
			escaped = true
		default:
			if escaped {
				x, escaped = x^0x20, false
			}
			frame = append(frame, x)
		}
	}
}
