package ike

import "encoding/binary"

// Delete is a Delete payload: SAs that the sender has closed. For the IKE SA, which
// the message itself names, it has no SPIs.
type Delete struct {
	Protocol Protocol
	SPIs     []uint32 // of ESP or AH: those the sender receives with
}

// Type implements Payload.
func (*Delete) Type() PayloadType { return TypeDelete }

func (d *Delete) append(b []byte) []byte {
	size := byte(4)
	if d.Protocol == ProtocolIKE {
		size = 0
	}
	b = append(b, byte(d.Protocol), size)
	b = binary.BigEndian.AppendUint16(b, uint16(len(d.SPIs)))
	for _, spi := range d.SPIs {
		b = binary.BigEndian.AppendUint32(b, spi)
	}
	return b
}

func parseDelete(b []byte) (*Delete, error) {
	if len(b) < 4 {
		return nil, malformed("%d bytes", len(b))
	}
	d, size, count := &Delete{Protocol: Protocol(b[0])}, int(b[1]), int(binary.BigEndian.Uint16(b[2:]))
	b = b[4:]
	switch {
	case d.Protocol == ProtocolIKE && size == 0 && count == 0 && len(b) == 0:
		return d, nil
	case d.Protocol == ProtocolIKE || size != 4 || len(b) != 4*count:
		return nil, malformed("%d SPIs of %d bytes in %d", count, size, len(b))
	}
	for ; len(b) > 0; b = b[4:] {
		d.SPIs = append(d.SPIs, binary.BigEndian.Uint32(b))
	}
	return d, nil
}
