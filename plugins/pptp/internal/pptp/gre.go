package pptp

import "encoding/binary"

// Line numbers what is sent by GRE (RFC 2637 section 4.1), and reads what comes, as far as
// a login needs that: what was overtaken is lost.
type Line struct {
	Call, OwnCall uint16 // stand in what is sent, and in what comes
	Next          uint32 // number of what is sent next
	Received      uint32 // highest that has come
	Heard         bool   // something has
}

const (
	hasKey      = 0x2000
	hasSequence = 0x1000
	hasAck      = 0x0080
	version     = 1
	inside      = 0x880b // PPP
)

// Append writes a message that carries a frame.
func (l *Line) Append(b, frame []byte) []byte {
	flags := uint16(hasKey | hasSequence | version)
	if l.Heard {
		flags |= hasAck
	}
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, inside)
	b = binary.BigEndian.AppendUint16(b, uint16(len(frame)))
	b = binary.BigEndian.AppendUint16(b, l.Call)
	b = binary.BigEndian.AppendUint32(b, l.Next)
	l.Next++
	if l.Heard {
		b = binary.BigEndian.AppendUint32(b, l.Received)
	}
	return append(b, frame...)
}

// Take is the frame in a message; nil: there is none for us.
func (l *Line) Take(b []byte) []byte {
	if len(b) < 12 {
		return nil
	}
	flags := binary.BigEndian.Uint16(b)
	if flags&^hasAck != hasKey|hasSequence|version || binary.BigEndian.Uint16(b[2:]) != inside || binary.BigEndian.Uint16(b[6:]) != l.OwnCall {
		return nil
	}
	n, sequence := int(binary.BigEndian.Uint16(b[4:])), binary.BigEndian.Uint32(b[8:])
	b = b[12:]
	if flags&hasAck != 0 {
		b = b[min(4, len(b)):]
	}
	if n == 0 || n > len(b) || l.Heard && int32(sequence-l.Received) <= 0 {
		return nil
	}
	l.Received, l.Heard = sequence, true
	return b[:n]
}
