package dataplane

// Stream is a reliable byte stream to the gateway, after the handover: frames are
// cut by their length field. TLS implements it with one record a frame. One
// goroutine reads; writers take turns.
type Stream interface {
	// Read reads bytes, the residual of the handover first. It blocks for the first
	// only and then fills p with what is there: frames of one Read reach the TUN
	// device together.
	Read(p []byte) (int, error)
	// WriteFrame appends one whole frame; it may stay corked until Flush. The frame
	// may be overwritten after the return, and is as it was.
	WriteFrame(frame []byte) error
	// Flush sends what is corked. It blocks while the peer does not read.
	Flush() error
	// Close ends the stream and what blocks on it.
	Close() error
}

// Datagram carries one frame a datagram: UDP, or DTLS over it. Recv runs in one
// goroutine, Send in another; control frames come from a third, so Send locks.
type Datagram interface {
	// Send sends each bufs[i][offset:] as one datagram. At least Overhead bytes
	// before offset and 64 after the end belong to the wire. An oversized datagram
	// is dropped and reported by an error that wraps syscall.EMSGSIZE; any other
	// error ends the path.
	Send(bufs [][]byte, offset int) error
	// Recv fills bufs[i][offset:] and sizes[i]; it blocks for the first only. Bad
	// datagrams (authentication, replay) are dropped, not returned.
	Recv(bufs [][]byte, sizes []int, offset int) (int, error)
	// BatchSize is the number of bufs that Recv wants.
	BatchSize() int
	// Close ends the wire and what blocks on it.
	Close() error
}

// pathMTU is an ability of wires that know the path MTU: bytes of an IP packet
// that leaves whole, 0 when unknown.
type pathMTU interface{ PathMTU() int }

// parting is an ability of Datagrams: to tell the gateway that nothing more is read.
type parting interface{ Part() }

// marker is an ability of Datagrams: to say the octet of outer IP headers that ECN and
// DSCP share, and to tell it of what has come.
type marker interface {
	// SendMarked is Send with tos[i] in the outer header of bufs[i].
	SendMarked(bufs [][]byte, offset int, tos []byte) error
	// Marks are the octets of what Recv returned last, until it is called again; nil:
	// all are 0.
	Marks() []byte
}
