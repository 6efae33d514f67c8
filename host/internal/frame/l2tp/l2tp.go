// Package l2tp reads and writes what stands in front of a PPP frame in a message of L2TP
// (RFC 2661 section 3.1).
//
//	| T L . . S . O P ....  version | length, if L | tunnel | session | Ns, Nr, if S | offset, padding, if O | payload |
package l2tp

import (
	"encoding/binary"
	"sync/atomic"
)

// The bits of the first two octets, and the version.
const (
	isControl = 0x8000
	hasLength = 0x4000
	hasNumber = 0x0800
	hasOffset = 0x0200
	version   = 2
	versions  = 0x000f
)

const (
	short    = 6 // octets of a header without anything that may be left out
	numbered = 10
)

// Form is how messages of data are written. Any form is understood.
type Form struct {
	Tunnel, Session       uint16 // the peer's numbers
	OwnTunnel, OwnSession uint16
	Sequence              bool

	next atomic.Uint32 // Ns
}

// Size is how many octets stand before the payload of a message of data.
func (f *Form) Size() int {
	if f.Sequence {
		return numbered
	}
	return short
}

// Put writes the octets into h, which has their size. It may be called from several
// goroutines.
func (f *Form) Put(h []byte) {
	flags := uint16(version)
	if f.Sequence {
		flags |= hasNumber
		binary.BigEndian.PutUint16(h[6:], uint16(f.next.Add(1)-1))
		binary.BigEndian.PutUint16(h[8:], 0) // Nr means nothing here
	}
	binary.BigEndian.PutUint16(h, flags)
	binary.BigEndian.PutUint16(h[2:], f.Tunnel)
	binary.BigEndian.PutUint16(h[4:], f.Session)
}

// Kind is what a message is.
type Kind uint8

// The kinds.
const (
	Foreign Kind = iota // not for this session, or no message at all
	Control
	Data
)

// Parse tells what a message is, and returns the payload of one of data. What is behind the
// message's own length is padding. Numbers are not looked at: packets may overtake one
// another.
func (f *Form) Parse(b []byte) (Kind, []byte) {
	if len(b) < short {
		return Foreign, nil
	}
	flags := binary.BigEndian.Uint16(b)
	switch {
	case flags&versions != version:
		return Foreign, nil
	case flags&isControl != 0:
		return Control, nil
	}
	at := 2
	if flags&hasLength != 0 {
		n := int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) || n < short+2 {
			return Foreign, nil
		}
		b, at = b[:n], 4
	}
	if binary.BigEndian.Uint16(b[at:]) != f.OwnTunnel || binary.BigEndian.Uint16(b[at+2:]) != f.OwnSession {
		return Foreign, nil
	}
	at += 4
	if flags&hasNumber != 0 {
		at += 4
	}
	if flags&hasOffset != 0 {
		if len(b) < at+2 {
			return Foreign, nil
		}
		at += 2 + int(binary.BigEndian.Uint16(b[at:]))
	}
	if at > len(b) {
		return Foreign, nil
	}
	return Data, b[at:]
}
