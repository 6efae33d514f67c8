package framing

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Probe is how the peer is asked for a sign of life where frames have no type, and so
// none that asks.
type Probe struct {
	// Packet is what Dpd sends: an IP packet. Empty: a frame of Dpd's Type.
	Packet []byte
	// Answer tells the answer from other packets: it has all of these parts. It does
	// not reach the device. None: all packets do.
	Answer []Match
}

// Match is a part of a packet.
type Match struct {
	Offset int // bytes from the start of the packet
	Value  []byte
}

const (
	maxProbe = 512 // bytes of Probe.Packet
	maxMatch = 16  // entries of Probe.Answer
	maxValue = 64  // bytes of Match.Value
)

func (p Probe) validate(s Spec) error {
	if len(p.Packet) == 0 && len(p.Answer) == 0 {
		return nil
	}
	switch {
	case s.Type.Width != 0 || s.PPP != nil:
		return errors.New("framing: frames with a type ask with one, not with a probe")
	case s.Rules.Dpd.After == 0:
		return errors.New("framing: a probe, and no dead peer detection that sends it")
	case len(p.Packet) > maxProbe:
		return fmt.Errorf("framing: probe of %d bytes, at most %d are allowed", len(p.Packet), maxProbe)
	case !wholePacket(p.Packet):
		return errors.New("framing: the probe is not one whole IP packet")
	case len(p.Answer) > maxMatch:
		return fmt.Errorf("framing: an answer of %d parts, at most %d are allowed", len(p.Answer), maxMatch)
	}
	for _, m := range p.Answer {
		if len(m.Value) == 0 || len(m.Value) > maxValue || m.Offset < 0 || m.Offset > MaxFrame-len(m.Value) {
			return fmt.Errorf("framing: the answer's part of %d bytes at %d: 1 to %d bytes are allowed, inside of a packet", len(m.Value), m.Offset, maxValue)
		}
	}
	return nil
}

// wholePacket says whether the IP header of b tells b's length.
func wholePacket(b []byte) bool {
	switch {
	case len(b) >= 20 && b[0]>>4 == 4:
		return int(binary.BigEndian.Uint16(b[2:])) == len(b)
	case len(b) >= 40 && b[0]>>4 == 6:
		return 40+int(binary.BigEndian.Uint16(b[4:])) == len(b)
	}
	return false
}
