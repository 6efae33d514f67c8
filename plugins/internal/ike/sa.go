package ike

import (
	"encoding/binary"
	"slices"
)

// Protocol is what a proposal, notification or deletion is about.
type Protocol uint8

// The protocols.
const (
	NoProtocol  Protocol = 0
	ProtocolIKE Protocol = 1
	ProtocolAH  Protocol = 2
	ProtocolESP Protocol = 3
)

// SA is an SA payload: what is offered, or what was chosen.
type SA struct{ Proposals []Proposal }

// Proposal is a set of algorithms: one of each transform type in it is to be chosen.
type Proposal struct {
	Number     uint8 // from 1; an answer repeats it
	Protocol   Protocol
	SPI        []byte
	Transforms []Transform
}

// TransformType is what an algorithm is for.
type TransformType uint8

// The transform types, RFC 7296 section 3.3.2 and RFC 9370.
const (
	Encryption    TransformType = 1
	PRF           TransformType = 2
	Integrity     TransformType = 3
	KeyExchange   TransformType = 4
	SequenceSizes TransformType = 5
	AdditionalKE1 TransformType = 6
	AdditionalKE7 TransformType = 12
)

// Transform is one algorithm.
type Transform struct {
	Type    TransformType
	ID      uint16
	KeyBits uint16 // 0: the algorithm has one size only
	Strange bool   // has an attribute that nobody knows: the transform must not be chosen
}

// Type implements Payload.
func (*SA) Type() PayloadType { return TypeSA }

const (
	attributeKeyLength = 14
	attributeShort     = 0x8000 // the value stands in place of the length
	more               = 2      // first byte of a proposal with another behind it
	moreTransforms     = 3
)

func (s *SA) append(b []byte) []byte {
	for i, p := range s.Proposals {
		start := len(b)
		b = append(b, flagIf(more, i+1 < len(s.Proposals)), 0, 0, 0, p.Number, byte(p.Protocol), byte(len(p.SPI)), byte(len(p.Transforms)))
		b = append(b, p.SPI...)
		for j, t := range p.Transforms {
			b = t.append(b, flagIf(moreTransforms, j+1 < len(p.Transforms)))
		}
		binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start))
	}
	return b
}

func (t Transform) append(b []byte, more byte) []byte {
	size := uint16(8)
	if t.KeyBits != 0 {
		size += 4
	}
	b = append(b, more, 0)
	b = binary.BigEndian.AppendUint16(b, size)
	b = append(b, byte(t.Type), 0)
	b = binary.BigEndian.AppendUint16(b, t.ID)
	if t.KeyBits != 0 {
		b = binary.BigEndian.AppendUint16(b, attributeShort|attributeKeyLength)
		b = binary.BigEndian.AppendUint16(b, t.KeyBits)
	}
	return b
}

func parseSA(b []byte) (*SA, error) {
	s := &SA{}
	for len(b) > 0 {
		if len(b) < 8 {
			return nil, malformed("%d bytes are no proposal", len(b))
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < 8 || n > len(b) {
			return nil, malformed("a proposal of %d bytes where %d are left", n, len(b))
		}
		p, err := parseProposal(b[:n])
		if err != nil {
			return nil, err
		}
		if last := b[0] == 0; last != (n == len(b)) {
			return nil, malformed("the last proposal is not marked so")
		}
		s.Proposals, b = append(s.Proposals, p), b[n:]
	}
	if len(s.Proposals) == 0 {
		return nil, malformed("no proposal")
	}
	return s, nil
}

func parseProposal(b []byte) (Proposal, error) {
	p := Proposal{Number: b[4], Protocol: Protocol(b[5])}
	spi, count := int(b[6]), int(b[7])
	if 8+spi > len(b) {
		return p, malformed("an SPI of %d bytes", spi)
	}
	p.SPI = b[8 : 8+spi : 8+spi]
	for b = b[8+spi:]; len(b) > 0; {
		if len(b) < 8 {
			return p, malformed("%d bytes are no transform", len(b))
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < 8 || n > len(b) {
			return p, malformed("a transform of %d bytes where %d are left", n, len(b))
		}
		t, err := parseTransform(b[:n])
		if err != nil {
			return p, err
		}
		p.Transforms, b = append(p.Transforms, t), b[n:]
	}
	if len(p.Transforms) != count {
		return p, malformed("%d transforms, announced were %d", len(p.Transforms), count)
	}
	return p, nil
}

func parseTransform(b []byte) (Transform, error) {
	t := Transform{Type: TransformType(b[4]), ID: binary.BigEndian.Uint16(b[6:])}
	for b = b[8:]; len(b) > 0; {
		if len(b) < 4 {
			return t, malformed("%d bytes are no attribute", len(b))
		}
		kind, value := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		b = b[4:]
		if kind == attributeShort|attributeKeyLength && value != 0 && t.KeyBits == 0 {
			t.KeyBits = value
			continue
		}
		t.Strange = true
		if kind&attributeShort == 0 {
			if int(value) > len(b) {
				return t, malformed("an attribute of %d bytes where %d are left", value, len(b))
			}
			b = b[value:]
		}
	}
	return t, nil
}

// Chosen is the transform of that type; false: p has none, or several.
func (p Proposal) Chosen(t TransformType) (Transform, bool) {
	var found []Transform
	for _, x := range p.Transforms {
		if x.Type == t {
			found = append(found, x)
		}
	}
	if len(found) != 1 {
		return Transform{}, false
	}
	return found[0], true
}

// Has says whether p has that very transform.
func (p Proposal) Has(t Transform) bool { return slices.Contains(p.Transforms, t) }
