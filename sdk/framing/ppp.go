package framing

import "errors"

// PPP is how packets lie in PPP frames (RFC 1661) that are the payload of data frames:
//
//	|<- Header ->| 0xff 0x03 | protocol | packet |
//
// This is how they are sent; the peer may send them in any form. Protocols 0x0021 and
// 0x0057, IPv4 and IPv6, are data. All others are frames of type InPPP + protocol, without
// what stands before the protocol's own first byte; the other types are those of Type.
type PPP struct {
	// NoAddress leaves the address and control fields out, but for LCP.
	NoAddress bool
	// ShortProtocol writes a protocol below 0x100 in one byte.
	ShortProtocol bool
}

// InPPP tells the types of frames in PPP from those of Spec.Type.
const InPPP = 0x10000

// size is the most that stands before a packet.
func (p *PPP) size() int {
	if p == nil {
		return 0
	}
	return 4
}

func (p *PPP) validate(s Spec) error {
	switch {
	case p == nil:
		return nil
	case s.Type.Width > 2 || s.DataType >= InPPP:
		return errors.New("framing: types of more than two bytes, and PPP inside")
	case s.EtherType.Width > 0:
		return errors.New("framing: an EtherType, and PPP inside")
	}
	return nil
}
