package frame

import (
	"errors"
	"fmt"

	"github.com/penstock-vpn/penstock/host/internal/frame/l2tp"
	"github.com/penstock-vpn/penstock/host/internal/frame/ppp"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// putPPP makes buf[at:] a PPP frame, if its type is of one, and says where that begins and
// of which type the frame around it is.
func (c *Codec) putPPP(buf []byte, at int, typ uint32) (int, uint32, error) {
	data := uint16(ppp.IPv4)
	if typ == c.spec.DataType && packet.Version(buf[at:]) == 6 {
		data = ppp.IPv6
	}
	protocol, inside := c.inside(typ, data)
	switch {
	case !inside && c.spec.Type.Width == 0:
		return 0, 0, fmt.Errorf("frame: type %d is no PPP, and there is nothing else", typ)
	case !inside:
		return at, typ, nil
	case protocol&1 == 0 || protocol&0x100 != 0 || protocol == 0xff: // RFC 1661 section 2
		return 0, 0, fmt.Errorf("frame: there is no PPP protocol %#04x", protocol)
	}
	n := c.ppp.Size(protocol)
	c.ppp.Put(buf[at-n:at], protocol)
	return at - n, c.spec.DataType, nil
}

var errForeign = errors.New("frame: a message that is not of this L2TP session")

// message is the frame that a message of L2TP is.
func (c *Codec) message(d []byte) (Frame, error) {
	switch kind, payload := c.l2tp.Parse(d); {
	case kind == l2tp.Control:
		return Frame{framing.L2TPControl, d}, nil
	case kind == l2tp.Data && len(payload) <= c.max:
		return c.fromPPP(payload), nil
	}
	return Frame{}, errForeign
}

// fromPPP is what a PPP frame carries. What is none is data that is no packet.
func (c *Codec) fromPPP(b []byte) Frame {
	protocol, payload, ok := ppp.Parse(b)
	switch {
	case !ok:
		return Frame{c.spec.DataType, nil}
	case protocol == ppp.IPv4 || protocol == ppp.IPv6:
		return Frame{c.spec.DataType, payload}
	}
	return Frame{framing.InPPP | uint32(protocol), payload}
}
