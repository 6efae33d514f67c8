package mppe

import "encoding/binary"

// HeaderSize is what stands before the encrypted octets.
const HeaderSize = 2

// The bits of the header.
const (
	flushed   = 0x8000
	encrypted = 0x1000

	counts = 1 << 12
	flag   = 0xff // the low octet of counts with which the key changes anyway
)

// Encrypter is one direction, out.
type Encrypter struct {
	key       *key
	stateless bool
	count     uint16 // of the next packet
	flush     bool   // the peer has asked for it
}

// NewEncrypter begins a direction.
func NewEncrypter(c Config) (*Encrypter, error) {
	k, err := newKey(c)
	if err != nil {
		return nil, err
	}
	return &Encrypter{key: k, stateless: c.Stateless}, nil
}

// Seal encrypts b behind its first two octets, and writes those.
func (e *Encrypter) Seal(b []byte) {
	h := e.count | encrypted
	if e.stateless || e.count&flag == flag || e.flush {
		// RFC 3078 has the stream begin anew under the same key when the peer asked for it.
		// Those that are in use change the key, and expect that.
		e.key.change()
		e.flush = false
		h |= flushed
	}
	e.count = (e.count + 1) % counts
	binary.BigEndian.PutUint16(b, h)
	e.key.rc4.xor(b[HeaderSize:], b[HeaderSize:])
}

// Reset is what the peer asks for that has lost packets: the next one is one to begin with.
func (e *Encrypter) Reset() { e.flush = !e.stateless }

// Verdict is what becomes of a packet.
type Verdict uint8

// The verdicts.
const (
	Good      Verdict = iota
	Malformed         // it is none, or is not encrypted
	Late              // it was overtaken
	Lost              // others are missing: the peer must be asked for a reset
	Garbled           // the keys are not those of the peer
)

// near is how many packets may be missing without a doubt.
const near = 64

// Decrypter is one direction, in.
type Decrypter struct {
	key       *key
	trial     *key // of packets that may be anything
	stateless bool
	next      uint16 // the count that is expected
	lost      bool
}

// NewDecrypter begins a direction.
func NewDecrypter(c Config) (*Decrypter, error) {
	k, err := newKey(c)
	if err != nil {
		return nil, err
	}
	return &Decrypter{key: k, trial: &key{}, stateless: c.Stateless}, nil
}

// Open decrypts a packet into dst, which has room for it and does not overlap. n is the
// length of what it holds: a protocol of PPP, and a packet of that.
func (d *Decrypter) Open(dst, b []byte) (n int, v Verdict) {
	if len(b) <= HeaderSize {
		return 0, Malformed
	}
	h := binary.BigEndian.Uint16(b)
	if h&encrypted == 0 {
		return 0, Malformed
	}
	count, b := h%counts, b[HeaderSize:]
	if d.stateless {
		v = d.openStateless(dst, b, count)
	} else {
		v = d.openStateful(dst, b, count, h&flushed != 0)
	}
	return len(b), v
}

func (d *Decrypter) openStateless(dst, b []byte, count uint16) Verdict {
	missing := (count - d.next) % counts
	if missing > counts/2 {
		return Late
	}
	*d.trial = *d.key
	for range missing + 1 {
		d.trial.change()
	}
	d.trial.rc4.xor(dst, b)
	fits := plausible(dst[:len(b)], len(b))
	if !fits && missing > near {
		return Garbled // whoever sent that, the next of the peer will fit
	}
	d.key, d.trial = d.trial, d.key
	d.next = (count + 1) % counts
	if !fits {
		return Garbled
	}
	return Good
}

func (d *Decrypter) openStateful(dst, b []byte, count uint16, flush bool) Verdict {
	flush = flush || count&flag == flag
	if d.lost || count != d.next {
		d.lost = true
		missing := (count - d.next) % counts
		switch {
		case missing > counts/2:
			return Late
		case !flush:
			return Lost
		}
		for range (count&^flag - d.next&^flag) % counts / (flag + 1) {
			d.key.change()
		}
	}
	d.next = (count + 1) % counts
	d.lost = false
	if flush {
		d.begin(count, b)
	}
	d.key.rc4.xor(dst, b)
	if !plausible(dst[:len(b)], len(b)) {
		d.lost = true
		return Garbled
	}
	return Good
}

// begin has the stream of packet b begin anew, by the key that it was made with:
// the next, or the same, or a later one, when packets to begin with were lost themselves.
func (d *Decrypter) begin(count uint16, b []byte) {
	const most = 8
	for changes := 1; changes <= most; changes++ {
		if d.try(changes, b) || changes == 1 && count&flag != flag && d.try(0, b) {
			d.key, d.trial = d.trial, d.key
			return
		}
	}
	d.key.change()
}

// try says whether b begins as it should by the key after so many changes.
func (d *Decrypter) try(changes int, b []byte) bool {
	*d.trial = *d.key
	d.trial.reset()
	for range changes {
		d.trial.change()
	}
	stream := d.trial.rc4
	var first [8]byte
	size := len(b)
	b = b[:min(size, len(first))]
	stream.xor(first[:], b)
	return plausible(first[:len(b)], size)
}

// plausible says whether b begins as packets of IP do behind their protocol, size being
// the length of all of it.
func plausible(b []byte, size int) bool {
	if len(b) > 0 && b[0] == 0 {
		b, size = b[1:], size-1
	}
	if len(b) < 7 {
		return false
	}
	size--
	switch packet := b[1:]; {
	case b[0] == 0x21 && packet[0]>>4 == 4:
		return int(binary.BigEndian.Uint16(packet[2:])) <= size
	case b[0] == 0x57 && packet[0]>>4 == 6:
		return 40+int(binary.BigEndian.Uint16(packet[4:])) <= size
	}
	return false
}
