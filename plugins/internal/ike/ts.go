package ike

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// TS is a traffic selector payload: TSi, or TSr when of the Responder.
type TS struct {
	Responder bool
	Selectors []Selector
}

// Selector is a range of addresses and ports.
type Selector struct {
	Protocol           uint8 // 0: all
	FirstPort, EndPort uint16
	First, End         netip.Addr
}

// Everything are the selectors of all IPv4 and all IPv6.
func Everything() []Selector {
	return []Selector{
		{0, 0, 65535, netip.IPv4Unspecified(), netip.AddrFrom4([4]byte{255, 255, 255, 255})},
		{0, 0, 65535, netip.IPv6Unspecified(), netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")},
	}
}

// String is the selector for people.
func (s Selector) String() string {
	text := fmt.Sprintf("%v-%v", s.First, s.End)
	if s.Protocol != 0 || s.FirstPort != 0 || s.EndPort != 65535 {
		text += fmt.Sprintf(" protocol %d ports %d-%d", s.Protocol, s.FirstPort, s.EndPort)
	}
	return text
}

// Type implements Payload.
func (t *TS) Type() PayloadType {
	if t.Responder {
		return TypeTSr
	}
	return TypeTSi
}

const (
	tsIPv4 = 7
	tsIPv6 = 8
)

func (t *TS) append(b []byte) []byte {
	b = append(b, byte(len(t.Selectors)), 0, 0, 0)
	for _, s := range t.Selectors {
		kind := byte(tsIPv4)
		if s.First.Is6() {
			kind = tsIPv6
		}
		first, end := s.First.AsSlice(), s.End.AsSlice()
		b = append(b, kind, s.Protocol)
		b = binary.BigEndian.AppendUint16(b, uint16(8+len(first)+len(end)))
		b = binary.BigEndian.AppendUint16(b, s.FirstPort)
		b = binary.BigEndian.AppendUint16(b, s.EndPort)
		b = append(append(b, first...), end...)
	}
	return b
}

func parseTS(b []byte, responder bool) (*TS, error) {
	if len(b) < 4 {
		return nil, malformed("%d bytes", len(b))
	}
	t, count := &TS{Responder: responder}, int(b[0])
	for b = b[4:]; len(b) > 0; {
		if len(b) < 4 {
			return nil, malformed("%d bytes are no selector", len(b))
		}
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n < 4 || n > len(b) {
			return nil, malformed("a selector of %d bytes where %d are left", n, len(b))
		}
		count--
		if s, known, err := parseSelector(b[:n]); err != nil {
			return nil, err
		} else if known {
			t.Selectors = append(t.Selectors, s)
		}
		b = b[n:]
	}
	if count != 0 {
		return nil, malformed("the number of selectors is another")
	}
	return t, nil
}

// parseSelector leaves out selectors of unknown kinds, as RFC 7296 wants it.
func parseSelector(b []byte) (s Selector, known bool, err error) {
	size := map[byte]int{tsIPv4: 4, tsIPv6: 16}[b[0]]
	if size == 0 {
		return s, false, nil
	}
	if len(b) != 8+2*size {
		return s, false, malformed("a selector of %d bytes", len(b))
	}
	s.Protocol, s.FirstPort, s.EndPort = b[1], binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
	s.First, _ = netip.AddrFromSlice(b[8 : 8+size])
	s.End, _ = netip.AddrFromSlice(b[8+size:])
	if s.End.Less(s.First) {
		return s, false, malformed("the range %v", s)
	}
	return s, true, nil
}
