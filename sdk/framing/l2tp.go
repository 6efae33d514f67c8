package framing

import "errors"

// L2TP is how PPP frames lie in messages of L2TP (RFC 2661 section 3.1), one a datagram,
// with nothing in front of them:
//
//	| flags | tunnel | session | numbers, if Sequence says so | PPP frame |
//
// This is how they are sent; the peer may send length, numbers and padding too. Messages of
// control are frames of type L2TPControl, from their first byte to their last.
type L2TP struct {
	// Tunnel and Session are the peer's numbers, which stand in what is sent, and Own what
	// must stand in what comes.
	Tunnel, Session       uint16
	OwnTunnel, OwnSession uint16
	// Sequence numbers the messages of data that are sent.
	Sequence bool
}

// L2TPControl is the type of frames that are control messages of L2TP.
const L2TPControl = 2 * InPPP

// size is the most that stands before a PPP frame.
func (l *L2TP) size() int {
	if l == nil {
		return 0
	}
	return 10
}

func (l *L2TP) validate(s Spec) error {
	switch {
	case l == nil:
		return nil
	case s.PPP == nil:
		return errors.New("framing: L2TP without PPP inside")
	case len(s.Header) > 0:
		return errors.New("framing: a header before that of L2TP")
	case l.Tunnel == 0 || l.Session == 0 || l.OwnTunnel == 0 || l.OwnSession == 0:
		return errors.New("framing: numbers of L2TP that are 0")
	}
	return nil
}
