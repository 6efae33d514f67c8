// Package ike1 reads and writes the messages of IKEv1 (RFC 2408, RFC 2407, RFC 2409), one
// structure a file. It does no I/O, keeps no state and believes nothing: every parser
// takes the bytes of a stranger.
//
//	datagram ─ Parse ─> Message{Header, Body} ─ ParsePayloads ─> []Payload ─ ParseSA, ParseID ...
//	                                   │
//	                                   └ Encrypted: what package keys opens first
//
// A Payload keeps its bytes, because hashes cover them as they were sent.
package ike1

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is in the chain of every error about bytes that make no sense.
var ErrMalformed = errors.New("malformed IKEv1 message")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Exchange is the kind of a message.
type Exchange uint8

// The exchanges, RFC 2408 section 3.1 and RFC 2409; Transaction is of the drafts about
// XAUTH and mode config.
const (
	Main          Exchange = 2
	Aggressive    Exchange = 4
	Informational Exchange = 5
	Transaction   Exchange = 6
	Quick         Exchange = 32
)

var exchangeNames = map[Exchange]string{Main: "main mode", Aggressive: "aggressive mode", Informational: "informational",
	Transaction: "transaction", Quick: "quick mode"}

// String is the exchange's name.
func (e Exchange) String() string {
	if name, known := exchangeNames[e]; known {
		return name
	}
	return fmt.Sprintf("exchange %d", uint8(e))
}

// Cookie is one side's name of an ISAKMP SA.
type Cookie [8]byte

// Header is what every message begins with.
type Header struct {
	Initiator, Responder Cookie
	Exchange             Exchange
	Encrypted            bool
	MessageID            uint32 // 0 in phase 1
}

// Sizes in bytes.
const (
	HeaderSize  = 28
	GenericSize = 4 // of the header of a payload
)

const (
	version1      = 0x10
	flagEncrypted = 1
)

// Message is one, as it came.
type Message struct {
	Header
	First PayloadType // of Body
	Body  []byte      // payloads, when it is not Encrypted
}

// Parse reads a datagram. What follows on the message's length is none of it.
func Parse(b []byte) (*Message, error) {
	if len(b) < HeaderSize {
		return nil, malformed("%d bytes are no header", len(b))
	}
	if b[17]>>4 != version1>>4 {
		return nil, malformed("version %d.%d", b[17]>>4, b[17]&15)
	}
	n := binary.BigEndian.Uint32(b[24:])
	if n < HeaderSize || uint64(n) > uint64(len(b)) {
		return nil, malformed("length %d in a datagram of %d bytes", n, len(b))
	}
	m := &Message{First: PayloadType(b[16]), Body: b[HeaderSize:n:n]}
	copy(m.Initiator[:], b)
	copy(m.Responder[:], b[8:])
	m.Exchange, m.Encrypted, m.MessageID = Exchange(b[18]), b[19]&flagEncrypted != 0, binary.BigEndian.Uint32(b[20:])
	return m, nil
}

// Append writes a message whose body is there already.
func (m *Message) Append(b []byte) []byte {
	b = append(append(b, m.Initiator[:]...), m.Responder[:]...)
	flags := byte(0)
	if m.Encrypted {
		flags = flagEncrypted
	}
	b = append(b, byte(m.First), version1, byte(m.Exchange), flags)
	b = binary.BigEndian.AppendUint32(b, m.MessageID)
	b = binary.BigEndian.AppendUint32(b, uint32(HeaderSize+len(m.Body)))
	return append(b, m.Body...)
}
