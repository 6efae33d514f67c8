package dtls

import "encoding/binary"

const (
	headerSize = 13

	version10 = 0xfeff // DTLS 1.0, on the first records for the sake of old servers
	version12 = 0xfefd

	maxPlain    = 16384 // bytes of a record's payload (RFC 6347 section 4.1)
	maxSequence = 1<<48 - 1
)

// Content types (RFC 5246 section 6.2.1).
const (
	typeChangeCipherSpec = 20
	typeAlert            = 21
	typeHandshake        = 22
	typeApplicationData  = 23
)

// header is a record's header:
//
//	type(1) version(2) epoch(2) sequence(6) length(2)
type header struct {
	kind     byte
	version  uint16
	epoch    uint16
	sequence uint64 // 48 bits
	length   int
}

// parseRecord splits the first record off a datagram. ok is false when there is no
// whole one; the rest of the datagram is worthless then.
func parseRecord(b []byte) (h header, payload, rest []byte, ok bool) {
	if len(b) < headerSize {
		return header{}, nil, nil, false
	}
	both := binary.BigEndian.Uint64(b[3:])
	h = header{
		kind: b[0], version: binary.BigEndian.Uint16(b[1:]),
		epoch: uint16(both >> 48), sequence: both & maxSequence,
		length: int(binary.BigEndian.Uint16(b[11:])),
	}
	if len(b)-headerSize < h.length {
		return header{}, nil, nil, false
	}
	end := headerSize + h.length
	return h, b[headerSize:end:end], b[end:], true
}

// put writes h to b[:headerSize].
func (h header) put(b []byte) {
	_ = b[headerSize-1]
	b[0] = h.kind
	binary.BigEndian.PutUint16(b[1:], h.version)
	binary.BigEndian.PutUint64(b[3:], uint64(h.epoch)<<48|h.sequence)
	binary.BigEndian.PutUint16(b[11:], uint16(h.length))
}
