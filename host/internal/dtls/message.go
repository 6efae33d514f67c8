package dtls

import "encoding/binary"

// Handshake types (RFC 5246 section 7.4, RFC 6347 section 4.3.2).
const (
	msgHelloRequest       = 0
	msgClientHello        = 1
	msgServerHello        = 2
	msgHelloVerifyRequest = 3
	msgServerKeyExchange  = 12
	msgServerHelloDone    = 14
	msgClientKeyExchange  = 16
	msgFinished           = 20
)

const messageHeaderSize = 12

// fragment is a handshake message or a part of one:
//
//	type(1) length(3) message_seq(2) fragment_offset(3) fragment_length(3) body
type fragment struct {
	kind   byte
	length int    // of the whole message's body, in bytes
	number uint16 // message_seq
	offset int
	body   []byte
}

// parseFragment splits the first fragment off a handshake record's payload.
func parseFragment(b []byte) (f fragment, rest []byte, ok bool) {
	if len(b) < messageHeaderSize {
		return fragment{}, nil, false
	}
	f = fragment{
		kind: b[0], length: uint24(b[1:]), number: binary.BigEndian.Uint16(b[4:]), offset: uint24(b[6:]),
	}
	size := uint24(b[9:])
	if len(b)-messageHeaderSize < size || f.offset+size > f.length {
		return fragment{}, nil, false
	}
	end := messageHeaderSize + size
	f.body = b[messageHeaderSize:end:end]
	return f, b[end:], true
}

// Append appends f's wire form to b.
func (f fragment) Append(b []byte) []byte {
	b = append(b, f.kind)
	b = appendUint24(b, f.length)
	b = binary.BigEndian.AppendUint16(b, f.number)
	b = appendUint24(b, f.offset)
	b = appendUint24(b, len(f.body))
	return append(b, f.body...)
}

// message makes a whole message, in the form the transcript wants too.
func message(kind byte, number uint16, body []byte) []byte {
	return fragment{kind: kind, length: len(body), number: number, body: body}.Append(nil)
}

func uint24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

func appendUint24(b []byte, n int) []byte { return append(b, byte(n>>16), byte(n>>8), byte(n)) }
