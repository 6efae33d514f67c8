// Package gre reads and writes the enhanced GRE of PPTP (RFC 2637 section 4), and puts what
// comes in order.
//
//	| . . K S . A  version | 0x880b | payload length | call | sequence, if S | acknowledged, if A | payload |
package gre

import "encoding/binary"

// The bits of the first two octets, and the version.
const (
	hasKey      = 0x2000
	hasSequence = 0x1000
	hasAck      = 0x0080
	version     = 1

	etherType = 0x880b // PPP
)

const (
	least = 8

	// Size is how many octets Put writes: it always acknowledges.
	Size = 16
	// AckSize is the length of a message that only acknowledges.
	AckSize = 12
)

// Packet is one message.
type Packet struct {
	Call                uint16 // whom it is for
	Sequence, Ack       uint32
	HasSequence, HasAck bool
	Payload             []byte // of one with a sequence number
}

// Parse reads a message; ok is false for what is none. What is behind its end is padding.
func Parse(b []byte) (p Packet, ok bool) {
	if len(b) < least {
		return p, false
	}
	flags := binary.BigEndian.Uint16(b)
	if flags&^(hasSequence|hasAck) != hasKey|version || binary.BigEndian.Uint16(b[2:]) != etherType {
		return p, false
	}
	n := int(binary.BigEndian.Uint16(b[4:]))
	p.Call = binary.BigEndian.Uint16(b[6:])
	p.HasSequence, p.HasAck = flags&hasSequence != 0, flags&hasAck != 0
	b = b[least:]
	if p.HasSequence {
		if len(b) < 4 {
			return p, false
		}
		p.Sequence, b = binary.BigEndian.Uint32(b), b[4:]
	}
	if p.HasAck {
		if len(b) < 4 {
			return p, false
		}
		p.Ack, b = binary.BigEndian.Uint32(b), b[4:]
	}
	if n > len(b) || !p.HasSequence && n > 0 {
		return p, false
	}
	p.Payload = b[:n]
	return p, true
}

// Put writes the octets before a payload of n bytes into h, which has Size.
func Put(h []byte, call uint16, n int, sequence, ack uint32) {
	begin(h, hasSequence|hasAck, call, n)
	binary.BigEndian.PutUint32(h[8:], sequence)
	binary.BigEndian.PutUint32(h[12:], ack)
}

// PutAck writes a message that only acknowledges into h, which has AckSize.
func PutAck(h []byte, call uint16, ack uint32) {
	begin(h, hasAck, call, 0)
	binary.BigEndian.PutUint32(h[8:], ack)
}

func begin(h []byte, flags, call uint16, n int) {
	binary.BigEndian.PutUint16(h, hasKey|flags|version)
	binary.BigEndian.PutUint16(h[2:], etherType)
	binary.BigEndian.PutUint16(h[4:], uint16(n))
	binary.BigEndian.PutUint16(h[6:], call)
}
