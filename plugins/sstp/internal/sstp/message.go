// Package sstp is the wire format of SSTP ([MS-SSTP]): packets in an HTTPS stream, the
// control messages among them, and the cryptographic binding of the login to TLS.
package sstp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Type is what a control message is.
type Type uint16

// The messages of [MS-SSTP] 2.2.
const (
	CallConnectRequest Type = 1
	CallConnectAck     Type = 2
	CallConnectNak     Type = 3
	CallConnected      Type = 4
	CallAbort          Type = 5
	CallDisconnect     Type = 6
	CallDisconnectAck  Type = 7
	EchoRequest        Type = 8
	EchoResponse       Type = 9
)

var typeNames = map[Type]string{
	CallConnectRequest: "Call-Connect-Request", CallConnectAck: "Call-Connect-Ack", CallConnectNak: "Call-Connect-Nak",
	CallConnected: "Call-Connected", CallAbort: "Call-Abort", CallDisconnect: "Call-Disconnect",
	CallDisconnectAck: "Call-Disconnect-Ack", EchoRequest: "Echo-Request", EchoResponse: "Echo-Response",
}

// String is the message's name.
func (t Type) String() string {
	if name, known := typeNames[t]; known {
		return name
	}
	return fmt.Sprintf("message %d", uint16(t))
}

// Kind is what an attribute is.
type Kind uint8

// The attributes of [MS-SSTP] 2.2.5 and behind.
const (
	EncapsulatedProtocol Kind = 1
	StatusInfo           Kind = 2
	CryptoBinding        Kind = 3
	CryptoBindingRequest Kind = 4
)

// Attribute is a part of a message.
type Attribute struct {
	Kind  Kind
	Value []byte
}

// Message is a control message.
type Message struct {
	Type       Type
	Attributes []Attribute
}

// ErrMalformed is in the chain of every error about bytes that make no sense.
var ErrMalformed = errors.New("malformed SSTP")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

const (
	version       = 0x10
	headerSize    = 4
	messageSize   = 4 // of a message without attributes
	attributeSize = 4 // of an attribute without value
	lengthMask    = 0x0fff
	maxPayload    = lengthMask - headerSize
)

// Packet is what the stream is made of: a frame of PPP or, Control, a message.
type Packet struct {
	Control bool
	Payload []byte
}

// Cut reads the packet that b begins with, and its length; 0: it is not whole yet.
func Cut(b []byte) (Packet, int, error) {
	if len(b) < headerSize {
		return Packet{}, 0, nil
	}
	n := int(binary.BigEndian.Uint16(b[2:]) & lengthMask)
	switch {
	case b[0] != version:
		return Packet{}, 0, malformed("version %#x", b[0])
	case n < headerSize:
		return Packet{}, 0, malformed("a packet of %d bytes", n)
	case len(b) < n:
		return Packet{}, 0, nil
	}
	return Packet{b[1]&1 == 1, b[headerSize:n]}, n, nil
}

// Append writes p.
func (p Packet) Append(b []byte) []byte {
	var control byte
	if p.Control {
		control = 1
	}
	b = append(b, version, control)
	b = binary.BigEndian.AppendUint16(b, uint16(headerSize+len(p.Payload)))
	return append(b, p.Payload...)
}

// ParseMessage reads the payload of a control packet.
func ParseMessage(b []byte) (Message, error) {
	if len(b) < messageSize {
		return Message{}, malformed("a message of %d bytes", len(b))
	}
	m := Message{Type: Type(binary.BigEndian.Uint16(b))}
	count := int(binary.BigEndian.Uint16(b[2:]))
	b = b[messageSize:]
	for range count {
		if len(b) < attributeSize {
			return Message{}, malformed("%s with fewer attributes than it says", m.Type)
		}
		n := int(binary.BigEndian.Uint16(b[2:]) & lengthMask)
		if n < attributeSize || n > len(b) {
			return Message{}, malformed("%s with an attribute of %d bytes in %d", m.Type, n, len(b))
		}
		m.Attributes = append(m.Attributes, Attribute{Kind(b[1]), b[attributeSize:n]})
		b = b[n:]
	}
	return m, nil
}

// Append writes the payload of m's packet.
func (m Message) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(m.Type))
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Attributes)))
	for _, a := range m.Attributes {
		b = append(b, 0, byte(a.Kind))
		b = binary.BigEndian.AppendUint16(b, uint16(attributeSize+len(a.Value)))
		b = append(b, a.Value...)
	}
	return b
}

// value is that of the first attribute of a kind.
func (m Message) value(k Kind) ([]byte, bool) {
	for _, a := range m.Attributes {
		if a.Kind == k {
			return a.Value, true
		}
	}
	return nil, false
}

// Request is the first message: what follows is PPP.
func Request() Message {
	return Message{CallConnectRequest, []Attribute{{EncapsulatedProtocol, []byte{0, 1}}}}
}

// The statuses of [MS-SSTP] 2.2.6 that say something to people.
var statuses = map[uint32]string{
	1: "an attribute came twice", 2: "an attribute is unknown", 3: "an attribute has a wrong length", 4: "a value is not supported",
	5: "a packet was not accepted", 6: "too many retries", 7: "a packet was not as it should be", 8: "the negotiation took too long",
	9: "an attribute is not supported there", 0xa: "an attribute is missing", 0xb: "a status is not supported there",
}

// Reason is what a Nak, Abort or Disconnect gives for one, "" when it gives none.
func (m Message) Reason() string {
	v, found := m.value(StatusInfo)
	if !found || len(v) < 8 {
		return ""
	}
	status := binary.BigEndian.Uint32(v[4:])
	if text, known := statuses[status]; known {
		return text
	}
	if status == 0 {
		return ""
	}
	return fmt.Sprintf("status %#x", status)
}
