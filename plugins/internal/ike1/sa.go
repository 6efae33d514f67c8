package ike1

import "encoding/binary"

// Protocol is what a proposal, notification or deletion is about.
type Protocol uint8

// The protocols, RFC 2407 section 4.4.1.
const (
	ProtocolIKE Protocol = 1
	ProtocolESP Protocol = 3
)

// Proposal is a choice of transforms, of which one is to be taken.
type Proposal struct {
	Number     uint8
	Protocol   Protocol
	SPI        []byte
	Transforms []Transform
}

// Transform is a whole set of algorithms.
type Transform struct {
	Number     uint8
	ID         uint8
	Attributes []Attribute
}

// Get returns a numeric attribute; false: it is not there, or no number.
func (t Transform) Get(kind uint16) (uint32, bool) {
	for _, a := range t.Attributes {
		if a.Type == kind {
			return a.Number()
		}
	}
	return 0, false
}

const (
	saHead        = 8 // domain of interpretation and situation
	ipsecDOI      = 1
	identityOnly  = 1
	moreProposals = 2 // payload types in the chains within
	moreTransform = 3
)

// SA writes an SA payload.
func SA(proposals []Proposal) Payload {
	b := []byte{0, 0, 0, ipsecDOI, 0, 0, 0, identityOnly}
	for i, p := range proposals {
		at := len(b)
		b = append(b, next(moreProposals, i, len(proposals)), 0, 0, 0, p.Number, byte(p.Protocol), byte(len(p.SPI)), byte(len(p.Transforms)))
		b = append(b, p.SPI...)
		for j, t := range p.Transforms {
			start := len(b)
			b = append(b, next(moreTransform, j, len(p.Transforms)), 0, 0, 0, t.Number, t.ID, 0, 0)
			b = appendAttributes(b, t.Attributes)
			binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start))
		}
		binary.BigEndian.PutUint16(b[at+2:], uint16(len(b)-at))
	}
	return Payload{TypeSA, b}
}

func next(kind byte, i, n int) byte {
	if i+1 < n {
		return kind
	}
	return 0
}

// ParseSA reads the body of an SA payload.
func ParseSA(b []byte) (all []Proposal, err error) {
	if len(b) < saHead || binary.BigEndian.Uint32(b) != ipsecDOI || binary.BigEndian.Uint32(b[4:]) != identityOnly {
		return nil, malformed("an SA of another domain or situation")
	}
	err = eachItem(b[saHead:], func(item []byte) error {
		p, err := parseProposal(item)
		all = append(all, p)
		return err
	})
	return all, err
}

// eachItem calls f with each proposal or transform of b, header and all.
func eachItem(b []byte, f func([]byte) error) error {
	for len(b) > 0 {
		if len(b) < 8 {
			return malformed("%d bytes are no proposal or transform", len(b))
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < 8 || n > len(b) {
			return malformed("a proposal or transform of %d bytes in %d", n, len(b))
		}
		if err := f(b[:n:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func parseProposal(b []byte) (Proposal, error) {
	p := Proposal{Number: b[4], Protocol: Protocol(b[5])}
	spi := int(b[6])
	if len(b) < 8+spi {
		return p, malformed("a proposal with an SPI of %d bytes", spi)
	}
	p.SPI = b[8 : 8+spi : 8+spi]
	err := eachItem(b[8+spi:], func(item []byte) error {
		t := Transform{Number: item[4], ID: item[5]}
		var err error
		t.Attributes, err = parseAttributes(item[8:])
		p.Transforms = append(p.Transforms, t)
		return err
	})
	if err == nil && len(p.Transforms) != int(b[7]) {
		err = malformed("%d transforms where %d are told of", len(p.Transforms), b[7])
	}
	return p, err
}
