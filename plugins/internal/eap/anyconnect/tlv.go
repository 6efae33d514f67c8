package anyconnect

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
)

// Vendor and vendor type of the method, an expanded one (RFC 3748 section 5.7).
const (
	Vendor     = 9
	VendorType = 0x44425250
)

// Kind is what a TLV holds.
type Kind uint16

// The kinds.
const (
	XML          Kind = 0
	Signature    Kind = 1
	Certificates Kind = 3 // PKCS #7, see AppendChain
)

// TLV is one part of a message.
type TLV struct {
	Kind  Kind
	Value []byte
}

// Message is what the data of an EAP packet of type 254 holds.
type Message struct {
	VendorType uint32
	Parts      []TLV
}

const (
	messageHeader = 7 // vendor and vendor type
	partHeader    = 4
	maxParts      = 16
	maxPart       = 1<<16 - 1
)

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{eap.ErrMalformed}, args...)...)
}

// ParseMessage reads a message. It refers to b.
func ParseMessage(b []byte) (*Message, error) {
	if len(b) < messageHeader {
		return nil, malformed("%d bytes are no expanded method", len(b))
	}
	if vendor := int(b[0])<<16 | int(b[1])<<8 | int(b[2]); vendor != Vendor {
		return nil, malformed("an expanded method of vendor %d", vendor)
	}
	m := &Message{VendorType: binary.BigEndian.Uint32(b[3:])}
	for b = b[messageHeader:]; len(b) > 0; {
		if len(b) < partHeader || len(m.Parts) == maxParts {
			return nil, malformed("%d bytes behind %d parts", len(b), len(m.Parts))
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if partHeader+n > len(b) {
			return nil, malformed("a part of %d bytes where %d are left", n, len(b)-partHeader)
		}
		m.Parts = append(m.Parts, TLV{Kind(binary.BigEndian.Uint16(b)), b[partHeader : partHeader+n : partHeader+n]})
		b = b[partHeader+n:]
	}
	return m, nil
}

var errTooLong = errors.New("the message is longer than EAP can carry")

// Append writes m.
func (m *Message) Append(b []byte) ([]byte, error) {
	start := len(b)
	b = append(b, 0, 0, Vendor)
	b = binary.BigEndian.AppendUint32(b, m.VendorType)
	for _, p := range m.Parts {
		if len(p.Value) > maxPart {
			return nil, errTooLong
		}
		b = binary.BigEndian.AppendUint16(b, uint16(p.Kind))
		b = binary.BigEndian.AppendUint16(b, uint16(len(p.Value)))
		b = append(b, p.Value...)
	}
	if len(b)-start > maxPart-5 { // the header of an EAP packet
		return nil, errTooLong
	}
	return b, nil
}

// Part is the first part of that kind; nil: there is none.
func (m *Message) Part(kind Kind) []byte {
	for _, p := range m.Parts {
		if p.Kind == kind {
			return p.Value
		}
	}
	return nil
}
