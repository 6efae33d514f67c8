package plugintest

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// frame is one unit of a path: a packet or a control frame.
type frame struct {
	kind    uint32
	payload []byte
}

// encode writes a frame as s lays it out.
func encode(s framing.Spec, f frame) []byte {
	if s.L2TP != nil {
		return intoL2TP(s, f)
	}
	if s.PPP != nil {
		f = intoPPP(s, f)
	}
	out := append(bytes.Clone(s.Header), f.payload...)
	putUint(out, s.Length, uint32(len(f.payload)+s.LengthAdds))
	putUint(out, s.Type, f.kind)
	if f.kind == s.DataType && len(f.payload) > 0 {
		putUint(out, s.EtherType, etherTypes[f.payload[0]>>4])
	}
	return out
}

// etherTypes are by version of IP.
var etherTypes = map[byte]uint32{4: 0x0800, 6: 0x86dd}

// decode reads the first frame of a stream and says how long it was; 0: it is not
// whole yet.
func decode(s framing.Spec, b []byte) (frame, int, error) {
	header := len(s.Header)
	if len(b) < header {
		return frame{}, 0, nil
	}
	f, err := readHeader(s, b)
	if err != nil {
		return frame{}, 0, err
	}
	length := int(getUint(b, s.Length)) - s.LengthAdds
	if length < 0 || length > limit(s) {
		return frame{}, 0, fmt.Errorf("a frame of %d bytes, 0 to %d are allowed", length, limit(s))
	}
	if len(b) < header+length {
		return frame{}, 0, nil
	}
	f.payload = bytes.Clone(b[header : header+length])
	return outOfPPP(s, f), header + length, nil
}

// decodeDatagram reads the frame that a datagram is.
func decodeDatagram(s framing.Spec, b []byte) (frame, error) {
	if len(b) < len(s.Header) {
		return frame{}, fmt.Errorf("a datagram of %d bytes is shorter than its header", len(b))
	}
	f, err := readHeader(s, b)
	if err != nil {
		return frame{}, err
	}
	f.payload = bytes.Clone(b[len(s.Header):])
	if s.Length.Width != 0 && int(getUint(b, s.Length))-s.LengthAdds != len(f.payload) {
		return frame{}, fmt.Errorf("the length field says %d, there are %d bytes", int(getUint(b, s.Length))-s.LengthAdds, len(f.payload))
	}
	return outOfPPP(s, f), nil
}

// readHeader checks the constant bytes and reads the type.
func readHeader(s framing.Spec, b []byte) (frame, error) {
	constant := bytes.Clone(b[:len(s.Header)])
	putUint(constant, s.Length, getUint(s.Header, s.Length))
	putUint(constant, s.Type, getUint(s.Header, s.Type))
	putUint(constant, s.EtherType, getUint(s.Header, s.EtherType))
	if !bytes.Equal(constant, s.Header) {
		return frame{}, fmt.Errorf("header %x, want %x", b[:len(s.Header)], s.Header)
	}
	if s.Type.Width == 0 {
		return frame{kind: s.DataType}, nil
	}
	return frame{kind: getUint(b, s.Type)}, nil
}

func limit(s framing.Spec) int {
	if s.MaxPayload == 0 {
		return framing.MaxFrame
	}
	return s.MaxPayload
}

func putUint(b []byte, f framing.Field, v uint32) {
	switch f.Width {
	case 1:
		b[f.Offset] = byte(v)
	case 2:
		binary.BigEndian.PutUint16(b[f.Offset:], uint16(v))
	case 4:
		binary.BigEndian.PutUint32(b[f.Offset:], v)
	}
}

func getUint(b []byte, f framing.Field) uint32 {
	switch f.Width {
	case 1:
		return uint32(b[f.Offset])
	case 2:
		return uint32(binary.BigEndian.Uint16(b[f.Offset:]))
	case 4:
		return binary.BigEndian.Uint32(b[f.Offset:])
	}
	return 0
}
