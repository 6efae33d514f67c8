package plugintest

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// datagram is one of UDP that holds b.
func datagram(ports sdk.UDPPorts, b []byte) []byte {
	out := binary.BigEndian.AppendUint16(nil, ports.Local)
	out = binary.BigEndian.AppendUint16(out, ports.Remote)
	out = binary.BigEndian.AppendUint16(out, uint16(udpHeader+len(b)))
	return append(append(out, 0, 0), b...)
}

// inDatagram is what one of UDP holds.
func inDatagram(ports sdk.UDPPorts, b []byte) ([]byte, error) {
	switch {
	case len(b) < udpHeader || int(binary.BigEndian.Uint16(b[4:])) != len(b):
		return nil, fmt.Errorf("a datagram of %d bytes, which says otherwise", len(b))
	case binary.BigEndian.Uint16(b) != ports.Remote || binary.BigEndian.Uint16(b[2:]) != ports.Local:
		return nil, fmt.Errorf("a datagram of other ports: %x", b[:4])
	}
	return b[udpHeader:], nil
}

const (
	l2tpControl = 0x80 // in the first octet
	l2tpLength  = 0x40
	l2tpNumbers = 0x08
	l2tpOffset  = 0x02
	l2tpVersion = 2
)

// intoL2TP is a message with f.
func intoL2TP(s framing.Spec, f frame) []byte {
	if f.kind == framing.L2TPControl {
		return f.payload
	}
	out := []byte{0, l2tpVersion}
	out = binary.BigEndian.AppendUint16(out, s.L2TP.Tunnel)
	out = binary.BigEndian.AppendUint16(out, s.L2TP.Session)
	if s.L2TP.Sequence {
		out[0] |= l2tpNumbers
		out = append(out, 0, 0, 0, 0)
	}
	return append(out, intoPPP(s, f).payload...)
}

// outOfL2TP reads a message; ok is false for one that is none of the session.
func outOfL2TP(s framing.Spec, b []byte) (f frame, ok bool) {
	if len(b) < 6 || b[1]&15 != l2tpVersion {
		return frame{}, false
	}
	if b[0]&l2tpControl != 0 {
		return frame{framing.L2TPControl, bytes.Clone(b)}, true
	}
	at := 2
	if b[0]&l2tpLength != 0 {
		at = 4
	}
	if len(b) < at+4 || binary.BigEndian.Uint16(b[at:]) != s.L2TP.OwnTunnel || binary.BigEndian.Uint16(b[at+2:]) != s.L2TP.OwnSession {
		return frame{}, false
	}
	if at += 4; b[0]&l2tpNumbers != 0 {
		at += 4
	}
	if b[0]&l2tpOffset != 0 && len(b) >= at+2 {
		at += 2 + int(binary.BigEndian.Uint16(b[at:]))
	}
	if at > len(b) {
		return frame{}, false
	}
	return outOfPPP(s, frame{s.DataType, bytes.Clone(b[at:])}), true
}
