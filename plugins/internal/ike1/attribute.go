package ike1

import "encoding/binary"

// Attribute is a data attribute (RFC 2408 section 3.3) of a transform, or of mode config.
type Attribute struct {
	Type  uint16
	Value []byte // two bytes: it was, or will be, written in the short form if Short
	Short bool
}

const attributeShort = 0x8000

// Basic is an attribute of two bytes.
func Basic(kind, value uint16) Attribute {
	return Attribute{kind, binary.BigEndian.AppendUint16(nil, value), true}
}

// Number is the value as a number; false: it is longer than 4 bytes, or empty.
func (a Attribute) Number() (uint32, bool) {
	if len(a.Value) == 0 || len(a.Value) > 4 {
		return 0, false
	}
	n := uint32(0)
	for _, b := range a.Value {
		n = n<<8 | uint32(b)
	}
	return n, true
}

func parseAttributes(b []byte) (all []Attribute, err error) {
	for len(b) > 0 {
		if len(b) < 4 {
			return nil, malformed("an attribute of %d bytes", len(b))
		}
		kind, n := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
		if kind&attributeShort != 0 {
			all, b = append(all, Attribute{kind &^ attributeShort, b[2:4:4], true}), b[4:]
			continue
		}
		if n > len(b)-4 {
			return nil, malformed("an attribute of %d bytes in %d", n, len(b)-4)
		}
		all, b = append(all, Attribute{kind, b[4 : 4+n : 4+n], false}), b[4+n:]
	}
	return all, nil
}

func appendAttributes(b []byte, all []Attribute) []byte {
	for _, a := range all {
		if a.Short && len(a.Value) == 2 {
			b = append(binary.BigEndian.AppendUint16(b, a.Type|attributeShort), a.Value...)
			continue
		}
		b = binary.BigEndian.AppendUint16(b, a.Type)
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(a.Value))), a.Value...)
	}
	return b
}
