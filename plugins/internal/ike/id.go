package ike

import (
	"fmt"
	"net/netip"
	"strconv"
)

// IDType is the kind of an identity.
type IDType uint8

// The kinds of identities, RFC 7296 section 3.5.
const (
	IDIPv4     IDType = 1
	IDFQDN     IDType = 2
	IDEmail    IDType = 3
	IDIPv6     IDType = 5
	IDDN       IDType = 9 // DER of a distinguished name
	IDGN       IDType = 10
	IDKey      IDType = 11
	IDAnyCisco IDType = 201 // private: what AnyConnect calls itself
)

// ID is an identity: IDi, or IDr when Of the responder.
type ID struct {
	Responder bool
	Kind      IDType
	Data      []byte
}

// Type implements Payload.
func (i *ID) Type() PayloadType {
	if i.Responder {
		return TypeIDr
	}
	return TypeIDi
}

// Body is the payload without its header, which AUTH covers.
func (i *ID) Body() []byte { return i.append(nil) }

func (i *ID) append(b []byte) []byte { return append(append(b, byte(i.Kind), 0, 0, 0), i.Data...) }

func parseID(b []byte, responder bool) (*ID, error) {
	if len(b) < 4 {
		return nil, malformed("%d bytes", len(b))
	}
	return &ID{responder, IDType(b[0]), b[4:]}, nil
}

// String is the identity for people; it may be anything that a stranger likes.
func (i *ID) String() string {
	switch i.Kind {
	case IDIPv4, IDIPv6:
		if a, ok := netip.AddrFromSlice(i.Data); ok {
			return a.String()
		}
	case IDDN:
		if text := nameIn(i.Data); text != "" {
			return strconv.QuoteToASCII(text[:min(len(text), maxWords)])
		}
	case IDFQDN, IDEmail:
		return strconv.QuoteToASCII(string(i.Data[:min(len(i.Data), maxWords)]))
	}
	return fmt.Sprintf("%d:%x", i.Kind, i.Data[:min(len(i.Data), maxWords)])
}
