package ike1

import "encoding/binary"

// Delete says which SAs are gone.
type Delete struct {
	Protocol Protocol
	SPIs     [][]byte // all of one size
}

const deleteHead = 8

// Payload writes it.
func (d Delete) Payload() Payload {
	size := 0
	if len(d.SPIs) > 0 {
		size = len(d.SPIs[0])
	}
	b := binary.BigEndian.AppendUint16([]byte{0, 0, 0, ipsecDOI, byte(d.Protocol), byte(size)}, uint16(len(d.SPIs)))
	for _, spi := range d.SPIs {
		b = append(b, spi...)
	}
	return Payload{TypeDelete, b}
}

// ParseDelete reads the body of a deletion.
func ParseDelete(b []byte) (Delete, error) {
	if len(b) < deleteHead {
		return Delete{}, malformed("a deletion of %d bytes", len(b))
	}
	d, size, n := Delete{Protocol: Protocol(b[4])}, int(b[5]), int(binary.BigEndian.Uint16(b[6:]))
	if size == 0 || len(b) < deleteHead+size*n {
		return d, malformed("a deletion of %d SPIs of %d bytes in %d", n, size, len(b)-deleteHead)
	}
	for b = b[deleteHead:]; n > 0; n, b = n-1, b[size:] {
		d.SPIs = append(d.SPIs, b[:size:size])
	}
	return d, nil
}
