package ike1

import "encoding/binary"

// PayloadType is the kind of a payload.
type PayloadType uint8

// The payload types, RFC 2408 section 3.1 and RFC 3947; those of the drafts before RFC
// 3947 and of Cisco's fragmentation are private ones.
const (
	TypeSA       PayloadType = 1
	TypeKE       PayloadType = 4
	TypeID       PayloadType = 5
	TypeCert     PayloadType = 6
	TypeCertReq  PayloadType = 7
	TypeHash     PayloadType = 8
	TypeSig      PayloadType = 9
	TypeNonce    PayloadType = 10
	TypeNotify   PayloadType = 11
	TypeDelete   PayloadType = 12
	TypeVendor   PayloadType = 13
	TypeConfig   PayloadType = 14
	TypeNATD     PayloadType = 20
	TypeNATOA    PayloadType = 21
	TypeNATDOld  PayloadType = 130
	TypeNATOAOld PayloadType = 131
	TypePiece    PayloadType = 132
)

// Payload is one, with its body as it was sent.
type Payload struct {
	Type PayloadType
	Body []byte
}

// ParsePayloads reads a chain of payloads, whose first is of that type. rest is what
// follows on the last, such as padding.
func ParsePayloads(first PayloadType, b []byte) (all []Payload, rest []byte, err error) {
	for next := first; next != 0; {
		if len(b) < GenericSize {
			return nil, nil, malformed("%d bytes are no payload", len(b))
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < GenericSize || n > len(b) {
			return nil, nil, malformed("a payload of type %d and %d bytes in %d", next, n, len(b))
		}
		all = append(all, Payload{next, b[GenericSize:n:n]})
		next, b = PayloadType(b[0]), b[n:]
	}
	return all, b, nil
}

// AppendPayloads writes a chain.
func AppendPayloads(b []byte, all []Payload) []byte {
	for i, p := range all {
		next := PayloadType(0)
		if i+1 < len(all) {
			next = all[i+1].Type
		}
		b = binary.BigEndian.AppendUint16(append(b, byte(next), 0), uint16(GenericSize+len(p.Body)))
		b = append(b, p.Body...)
	}
	return b
}

// First is the type of the first of a chain.
func First(all []Payload) PayloadType {
	if len(all) == 0 {
		return 0
	}
	return all[0].Type
}

// Find returns the body of the first payload of that type; nil: there is none.
func Find(all []Payload, t PayloadType) []byte {
	for _, p := range all {
		if p.Type == t {
			return p.Body
		}
	}
	return nil
}

// FindAll returns the bodies of all payloads of that type.
func FindAll(all []Payload, t PayloadType) (bodies [][]byte) {
	for _, p := range all {
		if p.Type == t {
			bodies = append(bodies, p.Body)
		}
	}
	return bodies
}
