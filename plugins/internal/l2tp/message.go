// Package l2tp is a client of L2TP (RFC 2661), an access concentrator that places one call,
// as a state machine: messages and times go in, Effects come out. It does no I/O, has no
// clock and starts no goroutine.
//
//	Begin ─> SCCRQ ─> SCCRP ─> SCCCN, ICRQ ─> ICRP ─> ICCN, Up ─> Hello, Hello ... ─> Ended
//
// Messages of data are not the machine's: see Data.
package l2tp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Kind is the type of a control message (RFC 2661 section 3.2).
type Kind uint16

// The kinds. Acknowledgement is none of them: it is a message without any AVP.
const (
	Acknowledgement Kind = 0

	StartRequest   Kind = 1
	StartReply     Kind = 2
	StartConnected Kind = 3
	StopConnection Kind = 4
	Hello          Kind = 6
	OutRequest     Kind = 7
	OutReply       Kind = 8
	OutConnected   Kind = 9
	InRequest      Kind = 10
	InReply        Kind = 11
	InConnected    Kind = 12
	Disconnect     Kind = 14
	WANError       Kind = 15
	SetLinkInfo    Kind = 16
)

var kindNames = map[Kind]string{
	Acknowledgement: "ZLB", StartRequest: "SCCRQ", StartReply: "SCCRP", StartConnected: "SCCCN", StopConnection: "StopCCN", Hello: "HELLO",
	OutRequest: "OCRQ", OutReply: "OCRP", OutConnected: "OCCN", InRequest: "ICRQ", InReply: "ICRP", InConnected: "ICCN",
	Disconnect: "CDN", WANError: "WEN", SetLinkInfo: "SLI",
}

// String is the RFC's name.
func (k Kind) String() string {
	if name, known := kindNames[k]; known {
		return name
	}
	return fmt.Sprintf("message %d", uint16(k))
}

// The first octets of a message, and the version.
const (
	flagControl = 0x8000
	flagLength  = 0x4000
	flagNumbers = 0x0800
	flagOffset  = 0x0200
	version     = 2
	versions    = 0x000f

	controlHeader = 12
	// maxMessage bounds what we send, in bytes; none of ours is near.
	maxMessage = 1 << 16
)

// Message is a control message.
type Message struct {
	Tunnel, Session uint16 // the receiver's numbers
	Ns, Nr          uint16
	AVPs            []AVP // none: an acknowledgement
}

// Kind is the message's, which its first AVP says.
func (m Message) Kind() Kind {
	if len(m.AVPs) == 0 || m.AVPs[0].Vendor != 0 || m.AVPs[0].Type != MessageType || len(m.AVPs[0].Value) != 2 {
		return Acknowledgement
	}
	return Kind(binary.BigEndian.Uint16(m.AVPs[0].Value))
}

// IsControl says whether a datagram is a control message, as far as its first octet tells.
func IsControl(b []byte) bool { return len(b) > 0 && b[0]&(flagControl>>8) != 0 }

var errHeader = errors.New("l2tp: no header of a control message")

// Parse reads a control message. What is behind its own length is padding.
func Parse(b []byte) (Message, error) {
	if len(b) < controlHeader {
		return Message{}, errHeader
	}
	const must, mustNot = flagControl | flagLength | flagNumbers, flagOffset
	flags, size := binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[2:]))
	if flags&must != must || flags&mustNot != 0 || flags&versions != version || size < controlHeader || size > len(b) {
		return Message{}, errHeader
	}
	m := Message{
		Tunnel: binary.BigEndian.Uint16(b[4:]), Session: binary.BigEndian.Uint16(b[6:]),
		Ns: binary.BigEndian.Uint16(b[8:]), Nr: binary.BigEndian.Uint16(b[10:]),
	}
	for b = b[controlHeader:size]; len(b) > 0; {
		a, n, err := parseAVP(b)
		if err != nil {
			return Message{}, err
		}
		m.AVPs = append(m.AVPs, a)
		b = b[n:]
	}
	if len(m.AVPs) > 0 && m.Kind() == Acknowledgement {
		return Message{}, errors.New("l2tp: a message that does not begin with its type")
	}
	return m, nil
}

// Append writes the message behind b.
func (m Message) Append(b []byte) []byte {
	start := len(b)
	for _, word := range []uint16{flagControl | flagLength | flagNumbers | version, 0, m.Tunnel, m.Session, m.Ns, m.Nr} {
		b = binary.BigEndian.AppendUint16(b, word)
	}
	for _, a := range m.AVPs {
		b = a.append(b)
	}
	binary.BigEndian.PutUint16(b[start+2:], uint16(min(len(b)-start, maxMessage-1)))
	return b
}
