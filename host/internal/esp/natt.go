package esp

import (
	"errors"
	"syscall"
)

// What else runs over the port of ESP in UDP (RFC 3948 sections 2.2 and 2.3).

const (
	markerSize = 4    // zeros in front of a message of IKE, where an SPI is in ESP
	keepalive  = 0xff // a datagram of this byte keeps a NAT's mapping
)

var keepaliveDatagram = [][]byte{{keepalive}}

// SendKeepalive keeps the mapping of a NAT on the way.
func (w *Wire) SendKeepalive() error {
	w.send.Lock()
	defer w.send.Unlock()
	return w.socket.Send(keepaliveDatagram, 0)
}

// fragmenting is an ability of sockets: to send a datagram that is too large for the
// path in fragments. IKE may have to (RFC 7296 section 2), ESP does not want to.
type fragmenting interface{ SendFragmented(datagram []byte) error }

// Fragment has packets go in fragments from now on that are too large for the path; false:
// the socket cannot, or need not.
func (w *Wire) Fragment() bool {
	s, can := w.socket.(interface{ Fragment() })
	if can {
		w.send.Lock()
		defer w.send.Unlock()
		s.Fragment()
	}
	return can
}

// SendIKE sends a message of IKE over the port that it shares with ESP.
func (w *Wire) SendIKE(message []byte) error {
	w.send.Lock()
	defer w.send.Unlock()
	w.ike = append(append(w.ike[:0], make([]byte, markerSize)...), message...)
	err := w.socket.Send([][]byte{w.ike}, 0)
	if s, can := w.socket.(fragmenting); can && errors.Is(err, syscall.EMSGSIZE) {
		return s.SendFragmented(w.ike)
	}
	return err
}
