package ppp

import (
	"context"
	"net/netip"
)

// Effect is something that the machine wants done: one of the types of this file.
type Effect interface{ effect() }

// Send is a frame for the peer: Payload is what comes behind the protocol.
type Send struct {
	Protocol uint16
	Payload  []byte
}

// Authenticated says that the peer accepts us, and comes before anything of the network
// is sent.
type Authenticated struct {
	Method Method
	// Key is EAP's master session key, of 64 bytes, or the two of MS-CHAPv2 (RFC 3079), of
	// 16: first what we send with. nil: the login gives none.
	Key []byte
}

// Up says that packets may flow, and how. It comes again when that changes.
type Up struct{ Network Network }

// Network is what was agreed on.
type Network struct {
	Address, Peer netip.Addr // IPv4; invalid: no IPv4
	DNS, NBNS     []netip.Addr
	IPv6          netip.Addr // ours, of the prefix that the gateway advertises; invalid: no IPv6
	MRU           int        // of the longest packet that the peer takes
	// ShortProtocol and NoAddress say what the peer understands.
	ShortProtocol, NoAddress bool
}

// Encrypt says how packets are encrypted from now on; without an Encryption none may leave
// until there is one. It comes before the first Up, if packets are to be encrypted.
type Encrypt struct{ Encryption *Encryption }

// AskPassword asks for a new password, because the old one has expired. The answer is
// NewPassword.
type AskPassword struct{ Text string }

// Ask is a question of the peer for the user. The answer is Answered.
type Ask struct{ Text string }

// Await is to wait until Done is closed: EAP is at work. The answer is Awaited.
type Await struct {
	Done <-chan struct{}
	Do   func(context.Context) // to be called, if it is not nil: it closes Done
}

// Note is a line for people.
type Note struct{ Text string }

// Trace is a line about a frame, for who asked to see them.
type Trace struct{ Text string }

// Ended is the last effect. Err is nil after Stop.
type Ended struct{ Err error }

func (Send) effect()          {}
func (Authenticated) effect() {}
func (Up) effect()            {}
func (Encrypt) effect()       {}
func (AskPassword) effect()   {}
func (Ask) effect()           {}
func (Await) effect()         {}
func (Note) effect()          {}
func (Trace) effect()         {}
func (Ended) effect()         {}
