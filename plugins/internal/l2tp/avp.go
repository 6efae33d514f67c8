package l2tp

import (
	"crypto/md5"
	"encoding/binary"
	"errors"
)

// Type is that of an attribute value pair, of vendor 0 (RFC 2661 section 4.4).
type Type uint16

// The types that are known here.
const (
	MessageType         Type = 0
	ResultCode          Type = 1
	ProtocolVersion     Type = 2
	FramingCapabilities Type = 3
	BearerCapabilities  Type = 4
	TieBreaker          Type = 5
	FirmwareRevision    Type = 6
	HostName            Type = 7
	VendorName          Type = 8
	AssignedTunnel      Type = 9
	ReceiveWindow       Type = 10
	Challenge           Type = 11
	ChallengeResponse   Type = 13
	AssignedSession     Type = 14
	CallSerialNumber    Type = 15
	BearerType          Type = 18
	FramingType         Type = 19
	ConnectSpeed        Type = 24
	RandomVector        Type = 36
	lastType            Type = 39 // of RFC 2661
)

// AVP is an attribute value pair.
type AVP struct {
	Mandatory bool // who does not know it must not go on
	Hidden    bool // Value is encrypted with the secret of the tunnel
	Vendor    uint16
	Type      Type
	Value     []byte
}

const (
	avpMandatory = 0x8000
	avpHidden    = 0x4000
	avpReserved  = 0x3c00
	avpLength    = 0x03ff
	avpHeader    = 6
)

var errAVP = errors.New("l2tp: an attribute that is cut off")

// parseAVP reads the one that b begins with. One with a reserved bit is none that is known.
func parseAVP(b []byte) (AVP, int, error) {
	if len(b) < avpHeader {
		return AVP{}, 0, errAVP
	}
	flags := binary.BigEndian.Uint16(b)
	n := int(flags & avpLength)
	if n < avpHeader || n > len(b) {
		return AVP{}, 0, errAVP
	}
	a := AVP{
		Mandatory: flags&avpMandatory != 0, Hidden: flags&avpHidden != 0,
		Vendor: binary.BigEndian.Uint16(b[2:]), Type: Type(binary.BigEndian.Uint16(b[4:])), Value: b[avpHeader:n:n],
	}
	if flags&avpReserved != 0 {
		a.Type = unknownType
	}
	return a, n, nil
}

// unknownType stands for an attribute that nobody here knows.
const unknownType Type = 0xffff

// maxValue is the longest value, in bytes.
const maxValue = avpLength - avpHeader

func (a AVP) append(b []byte) []byte {
	value := a.Value[:min(len(a.Value), maxValue)]
	flags := uint16(avpHeader + len(value))
	if a.Mandatory {
		flags |= avpMandatory
	}
	if a.Hidden {
		flags |= avpHidden
	}
	b = binary.BigEndian.AppendUint16(b, flags)
	b = binary.BigEndian.AppendUint16(b, a.Vendor)
	b = binary.BigEndian.AppendUint16(b, uint16(a.Type))
	return append(b, value...)
}

func known(a AVP) bool { return a.Vendor == 0 && a.Type <= lastType }

func number16(t Type, n uint16) AVP {
	return AVP{Mandatory: true, Type: t, Value: binary.BigEndian.AppendUint16(nil, n)}
}

func number32(t Type, n uint32) AVP {
	return AVP{Mandatory: true, Type: t, Value: binary.BigEndian.AppendUint32(nil, n)}
}

func text(t Type, s string) AVP { return AVP{Mandatory: true, Type: t, Value: []byte(s)} }

// attributes are those of a message, in clear.
type attributes map[Type][]byte

// number is a value of 16 bits; 0 when there is none.
func (a attributes) number(t Type) uint16 {
	if len(a[t]) != 2 {
		return 0
	}
	return binary.BigEndian.Uint16(a[t])
}

// clear takes the attributes out of a message. Hidden ones are read with secret, and those
// that cannot be are left out. foreign is one that must be understood and is not.
func (m Message) clear(secret []byte) (all attributes, foreign *AVP) {
	all = attributes{}
	var vector []byte
	for _, a := range m.AVPs {
		switch {
		case !known(a):
			if a.Mandatory && foreign == nil {
				foreign = &a
			}
			continue
		case a.Type == RandomVector && !a.Hidden:
			vector = a.Value
			continue
		case a.Hidden:
			var ok bool
			if a.Value, ok = unhide(a, secret, vector); !ok {
				continue
			}
		}
		if _, twice := all[a.Type]; !twice {
			all[a.Type] = a.Value
		}
	}
	return all, foreign
}

// unhide decrypts a value (RFC 2661 section 4.3): a key stream of MD5, which every block of
// the ciphertext goes on with, over a length, the value and padding.
func unhide(a AVP, secret, vector []byte) ([]byte, bool) {
	if len(secret) == 0 || len(vector) == 0 || len(a.Value) < 2 {
		return nil, false
	}
	out := make([]byte, len(a.Value))
	first := append(binary.BigEndian.AppendUint16(nil, uint16(a.Type)), secret...)
	block := md5.Sum(append(first, vector...))
	for at := 0; at < len(out); at += md5.Size {
		end := min(at+md5.Size, len(out))
		for i := at; i < end; i++ {
			out[i] = a.Value[i] ^ block[i-at]
		}
		block = md5.Sum(append(append([]byte(nil), secret...), a.Value[at:end]...))
	}
	n := int(binary.BigEndian.Uint16(out))
	if n > len(out)-2 {
		return nil, false
	}
	return out[2 : 2+n], true
}

// prove is the answer to a challenge in a message of that kind (RFC 2661 section 4.4.3).
func prove(in Kind, secret, challenge []byte) []byte {
	sum := md5.Sum(append(append([]byte{byte(in)}, secret...), challenge...))
	return sum[:]
}
