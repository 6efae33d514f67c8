package l2tp

// Effect is something that the machine wants done: one of the types of this file.
type Effect interface{ effect() }

// Send is a datagram for the peer.
type Send struct{ Message []byte }

// Up says that the call is there, and data may flow.
type Up struct {
	Tunnel, Session       uint16 // the peer's numbers
	OwnTunnel, OwnSession uint16
}

// Trace is a line about a message, for who asked to see them.
type Trace struct{ Text string }

// Ended is the last effect. Err is nil after Stop.
type Ended struct{ Err error }

func (Send) effect()  {}
func (Up) effect()    {}
func (Trace) effect() {}
func (Ended) effect() {}
