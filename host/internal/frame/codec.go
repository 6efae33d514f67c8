// Package frame runs a framing.Spec: it puts a header in front of a packet where
// it lies, and cuts what comes from the gateway into frames. Nothing in it
// allocates per frame, and no payload is copied but the rest of a read.
package frame

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/penstock-vpn/penstock/host/internal/frame/l2tp"
	"github.com/penstock-vpn/penstock/host/internal/frame/ppp"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Codec is a checked Spec, ready to run. It is immutable, but for the numbers of L2TP.
type Codec struct {
	spec framing.Spec
	mask [framing.MaxHeader]byte // 0xff where the header is constant
	max  int                     // longest payload from the peer, in bytes
	ppp  *ppp.Form               // of what is in data frames; nil: packets
	l2tp *l2tp.Form              // around those; nil: none
}

// Frame is one frame from the peer. Payload aliases what it was cut from.
type Frame struct {
	Type    uint32 // AnswerType for the answer to the spec's probe
	Payload []byte
}

// AnswerType is what sets answers to a probe apart where frames have no type.
const AnswerType = math.MaxUint32

// New checks spec and prepares it. A MaxPayload of 0 stands for framing.MaxFrame.
func New(spec framing.Spec) (*Codec, error) {
	if err := spec.Validate(); err != nil {
		return nil, err
	}
	if len(spec.Rules.Probe.Answer) > 0 && spec.DataType == AnswerType {
		return nil, fmt.Errorf("framing: the data type %#x is taken for answers to a probe", AnswerType)
	}
	if overlap(spec.Length, spec.Type) || overlap(spec.Length, spec.EtherType) || overlap(spec.Type, spec.EtherType) {
		return nil, errors.New("framing: fields overlap")
	}
	c := &Codec{spec: spec, max: spec.MaxPayload}
	c.spec.Header = append([]byte(nil), spec.Header...)
	if p := spec.PPP; p != nil {
		c.ppp = &ppp.Form{NoAddress: p.NoAddress, ShortProtocol: p.ShortProtocol}
	}
	if l := spec.L2TP; l != nil {
		c.l2tp = &l2tp.Form{Tunnel: l.Tunnel, Session: l.Session, OwnTunnel: l.OwnTunnel, OwnSession: l.OwnSession, Sequence: l.Sequence}
	}
	if c.max == 0 {
		c.max = framing.MaxFrame
	}
	for i := range c.spec.Header {
		c.mask[i] = 0xff
	}
	for _, f := range []framing.Field{spec.Length, spec.Type, spec.EtherType} {
		for i := f.Offset; i < f.Offset+f.Width; i++ {
			c.mask[i], c.spec.Header[i] = 0, 0
		}
	}
	return c, nil
}

func overlap(a, b framing.Field) bool {
	return a.Width > 0 && b.Width > 0 && a.Offset < b.Offset+b.Width && b.Offset < a.Offset+a.Width
}

// HeaderLen is the length of what Seal puts before a packet, in bytes.
func (c *Codec) HeaderLen() int { return c.HeaderLenOf(c.spec.DataType) }

// HeaderLenOf is the length of what Seal puts before a payload of that type, in bytes.
func (c *Codec) HeaderLenOf(typ uint32) int {
	n := len(c.spec.Header)
	if c.l2tp != nil && typ != framing.L2TPControl {
		n = c.l2tp.Size()
	}
	if protocol, inside := c.inside(typ, ppp.IPv4); inside {
		n += c.ppp.Size(protocol)
	}
	return n
}

// inside says whether frames of that type are PPP, and of which protocol: data is what
// data frames have.
func (c *Codec) inside(typ uint32, data uint16) (protocol uint16, inside bool) {
	switch {
	case c.ppp == nil:
		return 0, false
	case typ == c.spec.DataType:
		return data, true
	}
	return uint16(typ), typ>>16 == framing.InPPP>>16
}

// DataType is the type of a frame that carries a packet.
func (c *Codec) DataType() uint32 { return c.spec.DataType }

// Typed says whether frames have a type: without one, every frame is data.
func (c *Codec) Typed() bool { return c.spec.Type.Width > 0 || c.ppp != nil }

// MaxPayload bounds a payload from the peer, in bytes.
func (c *Codec) MaxPayload() int { return c.max }

// Seal makes buf[at:] the payload of a frame of type typ: it writes the header
// into the HeaderLenOf(typ) bytes before at, where the frame then begins.
func (c *Codec) Seal(buf []byte, at int, typ uint32) error {
	if c.l2tp != nil && typ == framing.L2TPControl {
		return nil // it is whole
	}
	if c.ppp != nil {
		var err error
		if at, typ, err = c.putPPP(buf, at, typ); err != nil {
			return err
		}
	}
	if c.l2tp != nil {
		c.l2tp.Put(buf[at-c.l2tp.Size() : at])
		return nil
	}
	h := buf[at-len(c.spec.Header) : at]
	copy(h, c.spec.Header)
	if f := c.spec.Length; f.Width > 0 {
		n := len(buf) - at + c.spec.LengthAdds
		if n < 0 || !fits(uint64(n), f) {
			return fmt.Errorf("frame: payload of %d bytes does not fit the length field", len(buf)-at)
		}
		put(h, f, uint32(n))
	}
	if f := c.spec.Type; f.Width > 0 {
		if !fits(uint64(typ), f) {
			return fmt.Errorf("frame: type %d does not fit the type field", typ)
		}
		put(h, f, typ)
	}
	if f := c.spec.EtherType; f.Width > 0 && typ == c.spec.DataType && at < len(buf) {
		put(h, f, etherType(buf[at]))
	}
	return nil
}

// etherType is that of a packet by its first byte; 0 when it is none of IP.
func etherType(first byte) uint32 {
	switch first >> 4 {
	case 4:
		return 0x0800
	case 6:
		return 0x86dd
	}
	return 0
}

// header checks the header at the start of b, which holds it whole, and returns
// the type and the length of the payload; that is -1 for a Spec without length.
func (c *Codec) header(b []byte) (typ uint32, n int, err error) {
	for i, want := range c.spec.Header {
		if (b[i]^want)&c.mask[i] != 0 {
			return 0, 0, fmt.Errorf("frame: header %x where %x was expected", b[:len(c.spec.Header)], c.spec.Header)
		}
	}
	typ = c.spec.DataType
	if f := c.spec.Type; f.Width > 0 {
		typ = get(b, f)
	}
	f := c.spec.Length
	if f.Width == 0 {
		return typ, -1, nil
	}
	n = int(get(b, f)) - c.spec.LengthAdds
	if n < 0 || n > c.max {
		return 0, 0, fmt.Errorf("frame: length field says %d bytes of payload, 0 to %d are allowed", n, c.max)
	}
	return typ, n, nil
}

// frame is payload under a header that said typ.
func (c *Codec) frame(typ uint32, payload []byte) Frame {
	if c.ppp != nil && typ == c.spec.DataType {
		return c.fromPPP(payload)
	}
	if answer := c.spec.Rules.Probe.Answer; len(answer) > 0 && hasAll(payload, answer) {
		typ = AnswerType
	}
	return Frame{typ, payload}
}

func hasAll(b []byte, parts []framing.Match) bool {
	for _, p := range parts {
		if len(b) < p.Offset+len(p.Value) || !bytes.Equal(b[p.Offset:p.Offset+len(p.Value)], p.Value) {
			return false
		}
	}
	return true
}

func fits(v uint64, f framing.Field) bool { return v>>(8*f.Width) == 0 }

func put(h []byte, f framing.Field, v uint32) {
	switch f.Width {
	case 1:
		h[f.Offset] = byte(v)
	case 2:
		binary.BigEndian.PutUint16(h[f.Offset:], uint16(v))
	case 4:
		binary.BigEndian.PutUint32(h[f.Offset:], v)
	}
}

func get(h []byte, f framing.Field) uint32 {
	switch f.Width {
	case 1:
		return uint32(h[f.Offset])
	case 2:
		return uint32(binary.BigEndian.Uint16(h[f.Offset:]))
	}
	return binary.BigEndian.Uint32(h[f.Offset:])
}
