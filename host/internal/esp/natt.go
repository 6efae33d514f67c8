package esp

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

// SendIKE sends a message of IKE over the port that it shares with ESP.
func (w *Wire) SendIKE(message []byte) error {
	w.send.Lock()
	defer w.send.Unlock()
	w.ike = append(append(w.ike[:0], make([]byte, markerSize)...), message...)
	return w.socket.Send([][]byte{w.ike}, 0)
}
