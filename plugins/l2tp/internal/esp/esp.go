// Package esp carries the few datagrams of a login in ESP, in transport mode, before the
// host carries it: then the addresses of the tunnel are not known yet. It is slow and
// simple; the host goes on with the numbers where it stops.
package esp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/penstock-vpn/penstock/sdk"
)

const (
	headerSize  = 8 // SPI and sequence number
	trailerSize = 2
	nextUDP     = 17
	udpHeader   = 8
)

// Pair seals with one SA and opens with those that are installed, for datagrams of UDP
// between two ports.
type Pair struct {
	ports sdk.UDPPorts

	mu  sync.Mutex // guards what follows
	out *association
	in  []*association
}

// association is an SA in use.
type association struct {
	sdk.SA
	suite suite
	last  uint32 // the number that was used last, and the highest that has come
}

// New makes a Pair of those SAs.
func New(ports sdk.UDPPorts, sas []sdk.SA) (*Pair, error) {
	p := &Pair{ports: ports}
	for _, sa := range sas {
		if err := p.Install(sa); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Install adds an SA: an outbound one in place of the one before.
func (p *Pair) Install(sa sdk.SA) error {
	s, err := newSuite(sa)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &association{SA: sa, suite: s}
	if sa.Direction == sdk.Outbound {
		p.out = a
	} else {
		p.in = append(p.in, a)
	}
	return nil
}

// Remove removes an inbound SA, if it is there.
func (p *Pair) Remove(spi uint32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.in = slices.DeleteFunc(p.in, func(a *association) bool { return a.SPI == spi })
}

// SAs are those installed, for somebody who goes on with them. The Pair must not be used
// after that.
func (p *Pair) SAs() (all []sdk.SA) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, a := range append(slices.Clone(p.in), p.out) {
		if a != nil {
			sa := a.SA
			sa.First = a.last + 1
			all = append(all, sa)
		}
	}
	p.out, p.in = nil, nil
	return all
}

var errNone = errors.New("esp: there is no SA to seal with")

// Seal is the ESP packet of what a datagram holds.
func (p *Pair) Seal(content []byte) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.out == nil {
		return nil, errNone
	}
	a := p.out
	a.last++
	head := binary.BigEndian.AppendUint32(nil, a.SPI)
	head = binary.BigEndian.AppendUint32(head, a.last)
	text := binary.BigEndian.AppendUint16(nil, p.ports.Local)
	text = binary.BigEndian.AppendUint16(text, p.ports.Remote)
	text = binary.BigEndian.AppendUint16(text, uint16(udpHeader+len(content)))
	text = append(append(text, 0, 0), content...)
	padding := -(len(text) + trailerSize) & (a.suite.block() - 1)
	for i := range padding {
		text = append(text, byte(i+1))
	}
	return a.suite.seal(head, append(text, byte(padding), nextUDP))
}

var (
	errForeign = errors.New("esp: a packet that is not for this session")
	errForged  = errors.New("esp: a packet that is not authentic")
	errReplay  = errors.New("esp: a packet that came before, or late")
)

// Open is what the datagram in an ESP packet holds. One that comes after a later one is
// refused: what needs it sends it again.
func (p *Pair) Open(packet []byte) ([]byte, error) {
	if len(packet) < headerSize {
		return nil, errForeign
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	spi, number := binary.BigEndian.Uint32(packet), binary.BigEndian.Uint32(packet[4:])
	i := slices.IndexFunc(p.in, func(a *association) bool { return a.SPI == spi })
	if i < 0 {
		return nil, errForeign
	}
	a := p.in[i]
	if number <= a.last {
		return nil, errReplay
	}
	text, err := a.suite.open(packet)
	if err != nil {
		return nil, err
	}
	a.last = number
	return p.content(text)
}

// content takes off what ESP and UDP put around.
func (p *Pair) content(text []byte) ([]byte, error) {
	end := len(text) - trailerSize
	if end < 0 || int(text[end]) > end || text[end+1] != nextUDP {
		return nil, errForeign
	}
	text = text[:end-int(text[end])]
	if len(text) < udpHeader || binary.BigEndian.Uint16(text) != p.ports.Remote || binary.BigEndian.Uint16(text[2:]) != p.ports.Local {
		return nil, errForeign
	}
	n := int(binary.BigEndian.Uint16(text[4:]))
	if n < udpHeader || n > len(text) {
		return nil, fmt.Errorf("esp: a datagram of %d bytes that says %d", len(text), n)
	}
	return text[udpHeader:n], nil
}
