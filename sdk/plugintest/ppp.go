package plugintest

import (
	"encoding/binary"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

const (
	pppIPv4 = 0x0021
	pppIPv6 = 0x0057
	pppLCP  = 0xc021
)

// intoPPP puts what stands in PPP frames in front of f's payload.
func intoPPP(s framing.Spec, f frame) frame {
	protocol := uint16(f.kind)
	switch {
	case f.kind == s.DataType && len(f.payload) > 0 && f.payload[0]>>4 == 6:
		protocol = pppIPv6
	case f.kind == s.DataType:
		protocol = pppIPv4
	case f.kind < framing.InPPP:
		return f
	}
	var b []byte
	if !s.PPP.NoAddress || protocol == pppLCP {
		b = append(b, 0xff, 0x03)
	}
	if protocol >= 0x100 || !s.PPP.ShortProtocol {
		b = append(b, byte(protocol>>8))
	}
	return frame{s.DataType, append(append(b, byte(protocol)), f.payload...)}
}

// outOfPPP reads the PPP frame in a data frame. What is none is an empty packet.
func outOfPPP(s framing.Spec, f frame) frame {
	if s.PPP == nil || f.kind != s.DataType {
		return f
	}
	b := f.payload
	if len(b) > 1 && b[0] == 0xff && b[1] == 0x03 {
		b = b[2:]
	}
	if len(b) > 0 && b[0]&1 == 1 {
		b = append([]byte{0}, b...)
	}
	if len(b) < 2 || b[0]&1 == 1 || b[1]&1 == 0 || b[0] == 0 && b[1] == 0xff {
		return frame{kind: s.DataType}
	}
	switch protocol := binary.BigEndian.Uint16(b); protocol {
	case pppIPv4, pppIPv6:
		return frame{s.DataType, b[2:]}
	default:
		return frame{framing.InPPP + uint32(protocol), b[2:]}
	}
}
