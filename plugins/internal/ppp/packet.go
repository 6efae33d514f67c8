package ppp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Protocols of PPP that carry no packets (RFC 1661 section 2).
const (
	ProtocolLCP    = 0xc021
	ProtocolPAP    = 0xc023
	ProtocolCHAP   = 0xc223
	ProtocolEAP    = 0xc227
	ProtocolCBCP   = 0xc029
	ProtocolIPCP   = 0x8021
	ProtocolIPv6CP = 0x8057
	ProtocolCCP    = 0x80fd
)

// ErrMalformed is in the chain of every error about bytes that make no sense.
var ErrMalformed = errors.New("malformed PPP")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// ParseFrame reads a frame, with or without address and control, and with a protocol of
// one octet or two.
func ParseFrame(b []byte) (protocol uint16, payload []byte, err error) {
	frame := b
	if len(b) >= 2 && b[0] == 0xff && b[1] == 0x03 {
		b = b[2:]
	}
	switch {
	case len(b) >= 1 && b[0] == 0xff, len(b) >= 2 && b[0] == 0 && b[1] == 0xff:
		// 0x00ff is reserved: it looks like an address
	case len(b) >= 1 && b[0]&1 == 1:
		return uint16(b[0]), b[1:], nil
	case len(b) >= 2 && b[1]&1 == 1:
		return binary.BigEndian.Uint16(b), b[2:], nil
	}
	return 0, nil, malformed("a frame of %d bytes without a protocol", len(frame))
}

// AppendFrame writes a frame in the form that everybody understands.
func AppendFrame(b []byte, protocol uint16, payload []byte) []byte {
	b = append(b, 0xff, 0x03, byte(protocol>>8), byte(protocol))
	return append(b, payload...)
}

// code is what a packet of a control protocol is.
type code byte

// The codes of RFC 1661 section 5, and those of RFC 1570 and of CBCP where they differ.
const (
	configureRequest code = 1
	configureAck     code = 2
	configureNak     code = 3
	configureReject  code = 4
	terminateRequest code = 5
	terminateAck     code = 6
	codeReject       code = 7
	protocolReject   code = 8
	echoRequest      code = 9
	echoReply        code = 10
	discardRequest   code = 11
	identification   code = 12
	timeRemaining    code = 13

	resetRequest code = 14 // of CCP
	resetAck     code = 15
)

var codeNames = map[code]string{
	configureRequest: "Configure-Request", configureAck: "Configure-Ack", configureNak: "Configure-Nak", configureReject: "Configure-Reject",
	terminateRequest: "Terminate-Request", terminateAck: "Terminate-Ack", codeReject: "Code-Reject", protocolReject: "Protocol-Reject",
	echoRequest: "Echo-Request", echoReply: "Echo-Reply", discardRequest: "Discard-Request", identification: "Identification",
	timeRemaining: "Time-Remaining", resetRequest: "Reset-Request", resetAck: "Reset-Ack",
}

// String is the code's name.
func (c code) String() string {
	if name, known := codeNames[c]; known {
		return name
	}
	return fmt.Sprintf("code %d", byte(c))
}

// packet is what all control protocols, PAP, CHAP and CBCP are made of.
type packet struct {
	code code
	id   byte
	data []byte
}

const headerSize = 4

// parsePacket reads a packet; what is behind its end is padding.
func parsePacket(b []byte) (packet, error) {
	if len(b) < headerSize {
		return packet{}, malformed("a packet of %d bytes", len(b))
	}
	n := int(binary.BigEndian.Uint16(b[2:]))
	if n < headerSize || n > len(b) {
		return packet{}, malformed("a length of %d in %d bytes", n, len(b))
	}
	return packet{code(b[0]), b[1], b[headerSize:n]}, nil
}

func (p packet) append(b []byte) []byte {
	b = append(b, byte(p.code), p.id)
	b = binary.BigEndian.AppendUint16(b, uint16(headerSize+len(p.data)))
	return append(b, p.data...)
}

// option is one of a Configure packet's.
type option struct {
	kind  byte
	value []byte
}

func parseOptions(b []byte) ([]option, error) {
	var all []option
	for len(b) > 0 {
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return nil, malformed("an option that ends behind its packet")
		}
		all = append(all, option{b[0], b[2:b[1]]})
		b = b[b[1]:]
	}
	return all, nil
}

func appendOptions(b []byte, all []option) []byte {
	for _, o := range all {
		b = append(append(b, o.kind, byte(2+len(o.value))), o.value...)
	}
	return b
}
