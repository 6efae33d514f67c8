// Package eap is the client's side of EAP (RFC 3748): packets in, packets out, no I/O.
// A Peer answers a gateway's requests by the methods that it was given.
package eap

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Code is the kind of a packet.
type Code uint8

// The codes.
const (
	Request  Code = 1
	Response Code = 2
	Success  Code = 3
	Failure  Code = 4
)

// Type is what a request is about: a method, mostly.
type Type uint8

// The types that are known here.
const (
	TypeIdentity     Type = 1
	TypeNotification Type = 2
	TypeNak          Type = 3
	TypeMD5          Type = 4
	TypeGTC          Type = 6
	TypeTLS          Type = 13
	TypeTTLS         Type = 21
	TypePEAP         Type = 25
	TypeMSCHAPv2     Type = 26
	TypeExpanded     Type = 254
)

var typeNames = map[Type]string{
	TypeIdentity: "EAP identity", TypeNotification: "EAP notification", TypeNak: "EAP-Nak", TypeMD5: "EAP-MD5", TypeGTC: "EAP-GTC",
	TypeTLS: "EAP-TLS", TypeTTLS: "EAP-TTLS", TypePEAP: "PEAP", TypeMSCHAPv2: "EAP-MSCHAPv2", TypeExpanded: "an expanded EAP method",
}

// String is the type's name.
func (t Type) String() string {
	if name, known := typeNames[t]; known {
		return name
	}
	return fmt.Sprintf("EAP method %d", uint8(t))
}

// Packet is an EAP packet. Success and Failure have neither Type nor Data.
type Packet struct {
	Code Code
	ID   uint8
	Type Type
	Data []byte
}

// ErrMalformed is in the chain of every error about bytes that make no sense.
var ErrMalformed = errors.New("malformed EAP packet")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

const headerSize = 4

// Parse reads a packet. Octets behind its end are padding, and ignored.
func Parse(b []byte) (Packet, error) {
	if len(b) < headerSize {
		return Packet{}, malformed("%d bytes", len(b))
	}
	p := Packet{Code: Code(b[0]), ID: b[1]}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < headerSize || n > len(b) {
		return Packet{}, malformed("length %d in %d bytes", n, len(b))
	}
	switch p.Code {
	case Success, Failure:
		return p, nil
	case Request, Response:
		if n == headerSize {
			return Packet{}, malformed("a request without a type")
		}
		p.Type, p.Data = Type(b[headerSize]), b[headerSize+1:n]
		return p, nil
	}
	return Packet{}, malformed("code %d", p.Code)
}

// Append writes p.
func (p Packet) Append(b []byte) []byte {
	start := len(b)
	b = append(b, byte(p.Code), p.ID, 0, 0)
	if p.Code == Request || p.Code == Response {
		b = append(append(b, byte(p.Type)), p.Data...)
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16(len(b)-start))
	return b
}
