package eap

import "encoding/binary"

// Flags of a packet, RFC 5216 section 3.1. The last three bits are the version of PEAP
// and EAP-TTLS; that is 0 here.
const (
	flagLength  = 0x80
	flagMore    = 0x40
	flagStart   = 0x20
	versionBits = 0x07
)

// Bounds of what goes in packets.
const (
	maxFragment = 1200     // of ours; IKE has fragments of its own for what is larger than a datagram
	maxMessage  = 64 << 10 // of the gateway's
	maxRounds   = 250      // of an authentication
)

// fragment is a packet of EAP-TLS and its like.
type fragment struct {
	start, more bool
	version     uint8
	announced   int // length of the message; 0: it does not say
	data        []byte
}

func parseFragment(b []byte) (fragment, error) {
	if len(b) == 0 {
		return fragment{}, malformed("a packet of TLS without flags")
	}
	f := fragment{start: b[0]&flagStart != 0, more: b[0]&flagMore != 0, version: b[0] & versionBits, data: b[1:]}
	if b[0]&flagLength == 0 {
		return f, nil
	}
	if len(f.data) < 4 {
		return f, malformed("a packet of TLS without the length that it announces")
	}
	n := binary.BigEndian.Uint32(f.data)
	f.data = f.data[4:]
	if n > maxMessage || int(n) < len(f.data) {
		return f, malformed("%d bytes of a message of %d", len(f.data), n)
	}
	f.announced = int(n)
	return f, nil
}

// fragments puts together the gateway's messages, and cuts ours to the size of packets.
type fragments struct {
	in     []byte
	want   int    // bytes of in that are announced; 0: unknown
	out    []byte // is still to be sent
	rounds int
}

// add takes a fragment in, and returns the message when it is whole.
func (f *fragments) add(p fragment) (message []byte, whole bool, err error) {
	if f.want == 0 {
		f.want = p.announced
	}
	f.in = append(f.in, p.data...)
	switch {
	case p.announced != 0 && p.announced != f.want:
		return nil, false, malformed("a message whose length changes")
	case len(f.in) > maxMessage || f.want != 0 && len(f.in) > f.want:
		return nil, false, malformed("a message of %d bytes, longer than announced", len(f.in))
	case p.more:
		return nil, false, nil
	case f.want != 0 && len(f.in) < f.want:
		return nil, false, malformed("%d bytes of a message of %d", len(f.in), f.want)
	}
	message, f.in, f.want = f.in, nil, 0
	return message, true, nil
}

// send begins to send a message; an empty one is an acknowledgement.
func (f *fragments) send(message []byte) []byte {
	f.out = message
	if len(message) <= maxFragment {
		return f.next()
	}
	f.out = message[maxFragment:]
	b := binary.BigEndian.AppendUint32([]byte{flagLength | flagMore}, uint32(len(message)))
	return append(b, message[:maxFragment]...)
}

// next sends the next fragment.
func (f *fragments) next() []byte {
	n, flags := len(f.out), byte(0)
	if n > maxFragment {
		n, flags = maxFragment, flagMore
	}
	b := append([]byte{flags}, f.out[:n]...)
	f.out = f.out[n:]
	return b
}
