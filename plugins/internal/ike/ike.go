// Package ike reads and writes the messages of IKEv2 (RFC 7296), one payload type a
// file. It does no I/O, keeps no state and believes nothing: every parser takes the
// bytes of a stranger.
//
//	datagram ─ Parse ─> Message{Header, Payloads} ─ Append ─> datagram
//	                       │
//	                       └ Sealed: what package keys opens, then ParsePayloads
package ike

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed is in the chain of every error about bytes that make no sense.
var ErrMalformed = errors.New("malformed IKE message")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}

// Exchange is the kind of a message.
type Exchange uint8

// The exchanges, RFC 7296 section 3.1, RFC 5723, RFC 9242 and RFC 9370.
const (
	SAInit        Exchange = 34
	Auth          Exchange = 35
	CreateChildSA Exchange = 36
	Informational Exchange = 37
	SessionResume Exchange = 38
	Intermediate  Exchange = 43
	FollowupKE    Exchange = 44
)

// String is the exchange's name.
func (e Exchange) String() string {
	switch e {
	case SAInit:
		return "IKE_SA_INIT"
	case Auth:
		return "IKE_AUTH"
	case CreateChildSA:
		return "CREATE_CHILD_SA"
	case Informational:
		return "INFORMATIONAL"
	case SessionResume:
		return "IKE_SESSION_RESUME"
	case Intermediate:
		return "IKE_INTERMEDIATE"
	case FollowupKE:
		return "IKE_FOLLOWUP_KE"
	}
	return fmt.Sprintf("exchange %d", uint8(e))
}

// SPI is one side's name of an IKE SA.
type SPI [8]byte

// Header is what every message begins with.
type Header struct {
	Initiator, Responder SPI
	Exchange             Exchange
	FromInitiator        bool // the sender is the IKE SA's original initiator
	Response             bool
	HigherVersion        bool // the sender could speak a later major version
	MessageID            uint32
}

// Sizes in bytes.
const (
	HeaderSize  = 28
	GenericSize = 4 // of the header of a payload
)

const (
	version2 = 0x20

	flagInitiator = 0x08
	flagVersion   = 0x10
	flagResponse  = 0x20
)

// append writes h; the length of the whole message is set later, by setLength.
func (h Header) append(b []byte, first PayloadType) []byte {
	b = append(append(b, h.Initiator[:]...), h.Responder[:]...)
	flags := flagIf(flagInitiator, h.FromInitiator) | flagIf(flagVersion, h.HigherVersion) | flagIf(flagResponse, h.Response)
	b = append(b, byte(first), version2, byte(h.Exchange), flags)
	b = binary.BigEndian.AppendUint32(b, h.MessageID)
	return append(b, 0, 0, 0, 0)
}

func flagIf(flag byte, set bool) byte {
	if set {
		return flag
	}
	return 0
}

// setLength writes the length of the message b.
func setLength(b []byte) []byte {
	binary.BigEndian.PutUint32(b[24:], uint32(len(b)))
	return b
}

// parseHeader reads the header of a whole message.
func parseHeader(b []byte) (h Header, first PayloadType, err error) {
	if len(b) < HeaderSize {
		return h, 0, malformed("%d bytes are no header", len(b))
	}
	if b[17]>>4 != version2>>4 {
		return h, 0, malformed("version %d.%d", b[17]>>4, b[17]&15)
	}
	if n := binary.BigEndian.Uint32(b[24:]); uint64(n) != uint64(len(b)) {
		return h, 0, malformed("length %d in a datagram of %d bytes", n, len(b))
	}
	copy(h.Initiator[:], b)
	copy(h.Responder[:], b[8:])
	h.Exchange, h.MessageID = Exchange(b[18]), binary.BigEndian.Uint32(b[20:])
	flags := b[19]
	h.FromInitiator, h.HigherVersion, h.Response = flags&flagInitiator != 0, flags&flagVersion != 0, flags&flagResponse != 0
	return h, PayloadType(b[16]), nil
}
