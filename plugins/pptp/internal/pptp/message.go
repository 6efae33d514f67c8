// Package pptp is the control connection of PPTP (RFC 2637 section 2), and the enhanced GRE
// beside it as far as a login needs it.
package pptp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Type is what a message is.
type Type uint16

// The types.
const (
	StartRequest         Type = 1
	StartReply           Type = 2
	StopRequest          Type = 3
	StopReply            Type = 4
	EchoRequest          Type = 5
	EchoReply            Type = 6
	OutgoingCallRequest  Type = 7
	OutgoingCallReply    Type = 8
	IncomingCallRequest  Type = 9
	IncomingCallReply    Type = 10
	IncomingCallConnect  Type = 11
	CallClearRequest     Type = 12
	CallDisconnectNotify Type = 13
	WANErrorNotify       Type = 14
	SetLinkInfo          Type = 15
)

var types = map[Type]struct {
	name string
	size int // octets behind the header
}{
	StartRequest: {"Start-Control-Connection-Request", 144}, StartReply: {"Start-Control-Connection-Reply", 144},
	StopRequest: {"Stop-Control-Connection-Request", 4}, StopReply: {"Stop-Control-Connection-Reply", 4},
	EchoRequest: {"Echo-Request", 4}, EchoReply: {"Echo-Reply", 8},
	OutgoingCallRequest: {"Outgoing-Call-Request", 156}, OutgoingCallReply: {"Outgoing-Call-Reply", 20},
	IncomingCallRequest: {"Incoming-Call-Request", 208}, IncomingCallReply: {"Incoming-Call-Reply", 12}, IncomingCallConnect: {"Incoming-Call-Connected", 16},
	CallClearRequest: {"Call-Clear-Request", 4}, CallDisconnectNotify: {"Call-Disconnect-Notify", 136},
	WANErrorNotify: {"WAN-Error-Notify", 28}, SetLinkInfo: {"Set-Link-Info", 12},
}

// String is the type's name.
func (t Type) String() string {
	if known, ok := types[t]; ok {
		return known.name
	}
	return fmt.Sprintf("message of type %d", uint16(t))
}

// Message is one of the control connection: Body is what stands behind its header.
type Message struct {
	Type Type
	Body []byte
}

const (
	headerSize = 12
	maxSize    = 220 // the longest there is
	control    = 1
	magic      = 0x1a2b3c4d
)

var errForeign = errors.New("a message without PPTP's magic number")

// Cut reads the first message of a stream, and how long it was; 0: it is not whole yet.
func Cut(b []byte) (Message, int, error) {
	if len(b) < headerSize {
		return Message{}, 0, nil
	}
	n, kind := int(binary.BigEndian.Uint16(b)), binary.BigEndian.Uint16(b[2:])
	if binary.BigEndian.Uint32(b[4:]) != magic || kind != control {
		return Message{}, 0, errForeign
	}
	m := Message{Type: Type(binary.BigEndian.Uint16(b[8:]))}
	if least := headerSize + types[m.Type].size; n < least || n > maxSize {
		return Message{}, 0, fmt.Errorf("a %s of %d bytes", m.Type, n)
	}
	if len(b) < n {
		return Message{}, 0, nil
	}
	m.Body = b[headerSize:n]
	return m, n, nil
}

// Append writes a message.
func (m Message) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(headerSize+len(m.Body)))
	b = binary.BigEndian.AppendUint16(b, control)
	b = binary.BigEndian.AppendUint32(b, magic)
	b = binary.BigEndian.AppendUint16(b, uint16(m.Type))
	b = binary.BigEndian.AppendUint16(b, 0)
	return append(b, m.Body...)
}
