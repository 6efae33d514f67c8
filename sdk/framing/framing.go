// Package framing describes, as data, how a protocol wraps packets on its
// transport. The host interprets a Spec on the data path; a plugin only states
// it. The package holds no codec.
package framing

import "fmt"

// Spec is the layout of one frame: a constant header with a length field and a
// type field patched in, followed by the payload. The zero Spec is the identity:
// each datagram is one bare IP packet.
//
//	|<---------------- Header ---------------->|<-- payload -->|
//	| magic ... [ length ] ... [ type ] ...    |               |
type Spec struct {
	// Header is the template of the constant bytes, the fields zeroed.
	Header []byte
	// Length places the payload length; Width 0 means none (datagrams only).
	Length Field
	// LengthAdds is added to the payload length before it is written, for
	// protocols that count their header in.
	LengthAdds int
	// Type places the frame type; Width 0 means every frame is data.
	Type Field
	// DataType is the Type value of a data frame.
	DataType uint32
	// EtherType places that of the packet in a data frame, 0x0800 or 0x86dd; it is 0
	// in other frames. Width 0 means none.
	EtherType Field
	// OnePerRecord says that the peer wants one frame in one TLS record.
	OnePerRecord bool
	// PPP says that the payloads of data frames are PPP frames; nil: they are packets.
	PPP *PPP
	// L2TP is what those PPP frames lie in; nil: no L2TP.
	L2TP *L2TP
	// MaxPayload bounds a frame from the peer, in bytes; a longer one is an error.
	MaxPayload int
	Rules      Rules
}

// Field is an unsigned big-endian integer inside the header.
type Field struct {
	Offset int // bytes from the start of the header
	Width  int // bytes: 0 (absent), 1, 2 or 4
}

// MaxHeader bounds Spec.Header, in bytes: what every packet buffer keeps free in front.
const MaxHeader = 32

// MaxFrame is the largest payload any Spec may allow, in bytes.
const MaxFrame = 65535

// Validate says what is wrong with s, naming the field, or nil.
func (s Spec) Validate() error {
	if n := len(s.Header) + s.L2TP.size() + s.PPP.size(); n > MaxHeader {
		return fmt.Errorf("framing: header of %d bytes, at most %d are allowed", n, MaxHeader)
	}
	if s.MaxPayload < 0 || s.MaxPayload > MaxFrame {
		return fmt.Errorf("framing: max payload %d, must be 0 to %d", s.MaxPayload, MaxFrame)
	}
	if err := s.Length.validate("length", len(s.Header)); err != nil {
		return err
	}
	if err := s.Type.validate("type", len(s.Header)); err != nil {
		return err
	}
	if err := s.EtherType.validate("EtherType", len(s.Header)); err != nil {
		return err
	}
	if s.EtherType.Width != 0 && s.EtherType.Width != 2 {
		return fmt.Errorf("framing: EtherType field is %d bytes wide, must be 2", s.EtherType.Width)
	}
	if err := s.PPP.validate(s); err != nil {
		return err
	}
	if err := s.L2TP.validate(s); err != nil {
		return err
	}
	return s.Rules.validate(s)
}

func (f Field) validate(name string, header int) error {
	switch f.Width {
	case 0:
		return nil
	case 1, 2, 4:
	default:
		return fmt.Errorf("framing: %s field is %d bytes wide, must be 0, 1, 2 or 4", name, f.Width)
	}
	if f.Offset < 0 || f.Offset+f.Width > header {
		return fmt.Errorf("framing: %s field at %d..%d lies outside the %d-byte header", name, f.Offset, f.Offset+f.Width, header)
	}
	return nil
}
