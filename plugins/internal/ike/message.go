package ike

import "encoding/binary"

// Message is a message as it stands on the wire: in the clear, or with all that
// matters sealed.
type Message struct {
	Header
	Payloads []Payload // those in the clear
	Sealed   *Sealed   // nil: none
}

// Sealed is an encrypted payload, or a fragment of one (RFC 7383).
type Sealed struct {
	Inner      PayloadType // of the first payload inside; of fragments only the first has it
	Number, Of uint16      // which fragment of how many, from 1; 0: not a fragment
	BodyAt     int         // where in the message IV, ciphertext and checksum begin
}

// Fragment says whether s is one of several.
func (s *Sealed) Fragment() bool { return s.Of != 0 }

// Parse reads a whole message. It refers to b.
func Parse(b []byte) (*Message, error) {
	h, at, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	m := &Message{Header: h}
	if at == TypeEncrypted || at == TypeFragment {
		m.Sealed, err = parseSealed(at, b)
	} else {
		m.Payloads, err = ParsePayloads(at, b[HeaderSize:])
	}
	return m, err
}

// parseSealed reads a message that is one encrypted payload: what else could stand
// before it would be protected by nothing, and is never sent.
func parseSealed(t PayloadType, message []byte) (*Sealed, error) {
	g, after, err := parseGeneric(message[HeaderSize:])
	if err != nil {
		return nil, err
	}
	if len(after) > 0 {
		return nil, malformed("%d bytes behind the encrypted payload", len(after))
	}
	s := &Sealed{Inner: g.next, BodyAt: len(message) - len(g.body)}
	if t == TypeEncrypted {
		return s, nil
	}
	if len(g.body) < fragmentSize {
		return nil, malformed("a fragment of %d bytes", len(g.body))
	}
	s.Number, s.Of = binary.BigEndian.Uint16(g.body), binary.BigEndian.Uint16(g.body[2:])
	s.BodyAt += fragmentSize
	if s.Number == 0 || s.Number > s.Of {
		return nil, malformed("fragment %d of %d", s.Number, s.Of)
	}
	return s, nil
}

const fragmentSize = 4 // number and total

// Append writes a message in the clear.
func Append(b []byte, h Header, payloads []Payload) []byte {
	start := len(b)
	b = h.append(b, First(payloads))
	b = AppendPayloads(b, payloads)
	setLength(b[start:])
	return b
}

// AppendSealed writes the beginning of a message whose encrypted payload has a body
// of size bytes, and returns it with that body zero, at its end. inner is the type of
// the first payload inside; s.Number and s.Of make it a fragment when they are set.
func AppendSealed(b []byte, h Header, s Sealed, size int) []byte {
	start := len(b)
	t, head := TypeEncrypted, GenericSize
	if s.Fragment() {
		t, head = TypeFragment, GenericSize+fragmentSize
	}
	b = h.append(b, t)
	b = append(b, byte(s.Inner), 0)
	b = binary.BigEndian.AppendUint16(b, uint16(head+size))
	if s.Fragment() {
		b = binary.BigEndian.AppendUint16(b, s.Number)
		b = binary.BigEndian.AppendUint16(b, s.Of)
	}
	b = append(b, make([]byte, size)...)
	setLength(b[start:])
	return b
}
