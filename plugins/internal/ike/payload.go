package ike

import (
	"encoding/binary"
	"fmt"
)

// PayloadType says what a payload is.
type PayloadType uint8

// The payload types, RFC 7296 section 3.2 and RFC 7383.
const (
	NoPayload       PayloadType = 0
	TypeSA          PayloadType = 33
	TypeKE          PayloadType = 34
	TypeIDi         PayloadType = 35
	TypeIDr         PayloadType = 36
	TypeCert        PayloadType = 37
	TypeCertRequest PayloadType = 38
	TypeAuth        PayloadType = 39
	TypeNonce       PayloadType = 40
	TypeNotify      PayloadType = 41
	TypeDelete      PayloadType = 42
	TypeVendor      PayloadType = 43
	TypeTSi         PayloadType = 44
	TypeTSr         PayloadType = 45
	TypeEncrypted   PayloadType = 46
	TypeConfig      PayloadType = 47
	TypeEAP         PayloadType = 48
	TypeFragment    PayloadType = 53
	TypePiece       PayloadType = 132 // of IKEv1, in use by Cisco
)

var payloadNames = map[PayloadType]string{
	TypeSA: "SA", TypeKE: "KE", TypeIDi: "IDi", TypeIDr: "IDr", TypeCert: "CERT", TypeCertRequest: "CERTREQ",
	TypeAuth: "AUTH", TypeNonce: "Nonce", TypeNotify: "N", TypeDelete: "D", TypeVendor: "V", TypeTSi: "TSi",
	TypeTSr: "TSr", TypeEncrypted: "SK", TypeConfig: "CP", TypeEAP: "EAP", TypeFragment: "SKF", TypePiece: "FRAGMENT",
}

// String is the name that RFC 7296 uses.
func (t PayloadType) String() string {
	if name, known := payloadNames[t]; known {
		return name
	}
	return fmt.Sprintf("payload %d", uint8(t))
}

// Payload is one of the payloads of this package.
type Payload interface {
	Type() PayloadType
	// append writes the payload without its generic header.
	append(b []byte) []byte
}

// Unknown is a payload of a type that nobody here knows.
type Unknown struct {
	Of       PayloadType
	Critical bool // a message with it must be refused
	Body     []byte
}

// Type implements Payload.
func (u *Unknown) Type() PayloadType { return u.Of }

func (u *Unknown) append(b []byte) []byte { return append(b, u.Body...) }

// maxPayloads is more than any message has: an IKE_AUTH with a long chain of
// certificates has some thirty.
const maxPayloads = 128

// AppendPayloads writes payloads with their generic headers, as they stand in a
// message or inside an encrypted payload.
func AppendPayloads(b []byte, payloads []Payload) []byte {
	for i, p := range payloads {
		next := NoPayload
		if i+1 < len(payloads) {
			next = payloads[i+1].Type()
		}
		var critical byte
		if u, unknown := p.(*Unknown); unknown && u.Critical {
			critical = 0x80
		}
		start := len(b)
		b = append(b, byte(next), critical, 0, 0)
		b = p.append(b)
		binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start))
	}
	return b
}

// First is the type of the first payload.
func First(payloads []Payload) PayloadType {
	if len(payloads) == 0 {
		return NoPayload
	}
	return payloads[0].Type()
}

// generic is a payload with its header read.
type generic struct {
	next     PayloadType
	critical bool
	body     []byte
}

func parseGeneric(b []byte) (g generic, rest []byte, err error) {
	if len(b) < GenericSize {
		return g, nil, malformed("%d bytes are no payload", len(b))
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < GenericSize || n > len(b) {
		return g, nil, malformed("a payload of %d bytes where %d are left", n, len(b))
	}
	return generic{PayloadType(b[0]), b[1]&0x80 != 0, b[GenericSize:n]}, b[n:], nil
}

// ParsePayloads reads a chain of payloads that begins with one of type first and
// fills b. The payloads refer to b.
func ParsePayloads(first PayloadType, b []byte) ([]Payload, error) {
	var all []Payload
	for at := first; at != NoPayload; {
		g, rest, err := parseGeneric(b)
		if err != nil {
			return nil, err
		}
		if len(all) == maxPayloads {
			return nil, malformed("more than %d payloads", maxPayloads)
		}
		p, err := parsePayload(at, g)
		if err != nil {
			return nil, fmt.Errorf("%v payload: %w", at, err)
		}
		all, at, b = append(all, p), g.next, rest
	}
	if len(b) > 0 {
		return nil, malformed("%d bytes behind the last payload", len(b))
	}
	return all, nil
}

func parsePayload(t PayloadType, g generic) (Payload, error) {
	b := g.body
	switch t {
	case TypeSA:
		return parseSA(b)
	case TypeKE:
		return parseKE(b)
	case TypeIDi, TypeIDr:
		return parseID(b, t == TypeIDr)
	case TypeCert:
		return parseCert(b)
	case TypeCertRequest:
		return parseCertRequest(b)
	case TypeAuth:
		return parseAuth(b)
	case TypeNonce:
		return parseNonce(b)
	case TypeNotify:
		return parseNotify(b)
	case TypeDelete:
		return parseDelete(b)
	case TypeVendor:
		return Vendor(b), nil
	case TypeTSi, TypeTSr:
		return parseTS(b, t == TypeTSr)
	case TypeConfig:
		return parseConfig(b)
	case TypeEAP:
		return EAP(b), nil
	case TypePiece:
		return parsePiece(b)
	case TypeEncrypted, TypeFragment:
		return nil, malformed("inside another")
	}
	return &Unknown{t, g.critical, b}, nil
}
