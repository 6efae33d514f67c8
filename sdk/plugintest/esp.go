package plugintest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/penstock-vpn/penstock/sdk"
)

const (
	espHeader  = 8 // SPI and sequence number
	espTrailer = 2 // length of the padding and next header
	maxInbound = 8 // SAs that a host takes
	firstSPI   = 256
	nextIPv4   = 4  // next header
	nextIPv6   = 41 // next header
	nextUDP    = 17 // next header
	udpHeader  = 8
)

// ESP is one end of a tunnel of ESP (RFC 4303) for tests: what a gateway of a test
// seals and opens with. It is slow, knows neither replays nor limits, and shares no
// code with a host's.
type ESP struct {
	mu    sync.Mutex
	ports sdk.UDPPorts // of transport mode
	out   *espSA
	in    map[uint32]*espSA
}

// espSA is an SA in use.
type espSA struct {
	sdk.SA
	suite  espSuite
	number uint32 // of the last packet sealed
}

// NewESP makes an end with SAs of its own view: outbound is what it seals with.
func NewESP(sas ...sdk.SA) (*ESP, error) {
	e := &ESP{in: map[uint32]*espSA{}}
	for _, sa := range sas {
		if err := e.Install(sa); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Install adds sa: an outbound one replaces the one before.
func (e *ESP) Install(sa sdk.SA) error {
	suite, known := espSuiteNamed(sa.Suite)
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case !known:
		return fmt.Errorf("%v: no such suite", sa)
	case len(sa.Key) != suite.key || len(sa.AuthKey) != suite.authKey:
		return fmt.Errorf("%v: keys of %d and %d bytes, want %d and %d", sa, len(sa.Key), len(sa.AuthKey), suite.key, suite.authKey)
	case sa.SPI < firstSPI:
		return fmt.Errorf("%v: SPIs below %d are reserved", sa, firstSPI)
	case sa.Direction == sdk.Outbound && e.out != nil && e.out.SPI == sa.SPI,
		sa.Direction == sdk.Inbound && e.in[sa.SPI] != nil:
		return fmt.Errorf("%v: it is installed", sa)
	case sa.Direction == sdk.Inbound && len(e.in) >= maxInbound:
		return fmt.Errorf("%v: %d inbound SAs are installed, more are not allowed", sa, maxInbound)
	}
	if sa.Direction == sdk.Outbound {
		e.out = &espSA{SA: sa, suite: suite, number: max(sa.First, 1) - 1}
	} else {
		e.in[sa.SPI] = &espSA{SA: sa, suite: suite}
	}
	return nil
}

// Datagrams makes it an end of transport mode: what is sealed and opened is then what
// datagrams between these ports hold.
func (e *ESP) Datagrams(ports sdk.UDPPorts) { e.ports = ports }

// Remove removes an inbound SA, if it is there.
func (e *ESP) Remove(spi uint32) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.in, spi)
}

// SAs are those installed, the outbound one first, then by SPI.
func (e *ESP) SAs() []sdk.SA {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []sdk.SA
	if e.out != nil {
		all = append(all, e.out.SA)
	}
	for _, spi := range slices.Sorted(maps.Keys(e.in)) {
		all = append(all, e.in[spi].SA)
	}
	return all
}

// Seal returns the datagram that carries a packet; nil without an outbound SA.
func (e *ESP) Seal(packet []byte) []byte {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.out == nil {
		return nil
	}
	e.out.number++
	header := binary.BigEndian.AppendUint32(nil, e.out.SPI)
	header = binary.BigEndian.AppendUint32(header, e.out.number)
	next := byte(nextIPv4)
	switch {
	case e.ports.Local != 0:
		next, packet = nextUDP, datagram(e.ports, packet)
	case len(packet) > 0 && packet[0]>>4 == 6:
		next = nextIPv6
	}
	return e.out.suite.seal(e.out.SA, header, withTrailer(packet, e.out.suite.block, next))
}

// withTrailer pads to a multiple of block.
func withTrailer(packet []byte, block int, next byte) []byte {
	text := append([]byte(nil), packet...)
	padding := byte((block - (len(packet)+espTrailer)%block) % block)
	for i := range padding {
		text = append(text, i+1)
	}
	return append(text, padding, next)
}

var errNotAuthentic = errors.New("an ESP packet that is not authentic")

// Open returns the packet in a datagram.
func (e *ESP) Open(datagram []byte) ([]byte, error) {
	if len(datagram) < espHeader {
		return nil, fmt.Errorf("an ESP packet of %d bytes", len(datagram))
	}
	spi := binary.BigEndian.Uint32(datagram)
	e.mu.Lock()
	defer e.mu.Unlock()
	sa := e.in[spi]
	if sa == nil {
		return nil, fmt.Errorf("an ESP packet of SPI %#08x, which is not installed", spi)
	}
	text, err := sa.suite.open(sa.SA, datagram)
	if err != nil {
		return nil, err
	}
	if len(text) < espTrailer || int(text[len(text)-2]) > len(text)-espTrailer {
		return nil, fmt.Errorf("an ESP packet whose padding is longer than its %d bytes", len(text))
	}
	next := text[len(text)-1]
	text = text[:len(text)-espTrailer-int(text[len(text)-2])]
	if (next == nextUDP) != (e.ports.Local != 0) {
		return nil, fmt.Errorf("an ESP packet with a next header of %d", next)
	}
	if next == nextUDP {
		return inDatagram(e.ports, text)
	}
	return text, nil
}
