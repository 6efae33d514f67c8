package dataplane

import (
	"encoding/binary"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/frame/gre"
	"github.com/penstock-vpn/penstock/host/internal/frame/mppe"
	"github.com/penstock-vpn/penstock/host/internal/frame/ppp"
)

const (
	callBuffer = gre.MaxPayload + gre.Size
	ackAfter   = 100 * time.Millisecond // what comes is acknowledged at the latest
	ackEvery   = 16                     // messages; peers send some 64 without hearing of them
	askEvery   = time.Second            // for a reset
	maxGarbled = 256                    // packets in a row until the keys are given up

	compressed = 0x00fd // the protocol of PPP whose packets are MPPE's
	ccpNumber  = 0x80fd
)

// call is the wire of a path of GRE, under PPP:
//
//	| GRE | 0xff 0x03 | 0x00fd | MPPE | encrypted: protocol, packet |
//
// Address, control and the zeros of protocols are there as the frames have them.
type call struct {
	raw       Datagram
	peer, own uint16
	short     bool // protocols below 0x100 in one octet
	say       speech
	clock     func() time.Time

	out   sync.Mutex      // a turn at what follows, and at raw.Send
	next  uint32          // the number that is sent next
	seal  *mppe.Encrypter // nil: see crypt
	batch [][]byte
	ack   [gre.AckSize]byte

	in    sync.Mutex // a turn at open
	open  *mppe.Decrypter
	crypt atomic.Bool // packets in the clear are refused, both ways

	received atomic.Uint32 // the highest number that has come
	acked    atomic.Uint32 // and that the peer was told

	// Of the goroutine that receives:
	window     *gre.Window
	ready      [][]byte // in order
	opened     int      // of ready
	bufs       [][]byte // of raw.Recv
	sizes      []int
	got, taken int
	deadline   deadliner
	due        time.Time // of deadline; zero: none
	ackDue     time.Time // zero: all is acknowledged
	asked      time.Time // for a reset
	garbled    int       // in a row
}

// size is what stands around a frame of PPP, at most: it may be encrypted later.
func (c *call) size() int { return gre.Size + c.growth() }

// growth is by how much a frame is longer when it is encrypted.
func (c *call) growth() int {
	if c.short {
		return mppe.HeaderSize + 1
	}
	return mppe.HeaderSize + 2
}

// encrypt begins anew with m.
func (c *call) encrypt(m MPPE) error {
	var seal *mppe.Encrypter
	var open *mppe.Decrypter
	var errs [2]error
	if m.Send.Bits != 0 || m.Receive.Bits != 0 {
		seal, errs[0] = mppe.NewEncrypter(m.Send)
		open, errs[1] = mppe.NewDecrypter(m.Receive)
	}
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	c.out.Lock()
	c.seal = seal
	c.crypt.Store(true)
	c.out.Unlock()
	c.in.Lock()
	c.open = open
	c.in.Unlock()
	return nil
}

// Send sends each bufs[i][offset:], a frame of PPP: all of them packets, or none.
func (c *call) Send(bufs [][]byte, offset int) error {
	c.out.Lock()
	defer c.out.Unlock()
	c.batch = c.batch[:0]
	start := offset
	for _, b := range bufs {
		protocol, _, ok := ppp.Parse(b[offset:])
		if ok && (protocol == ppp.IPv4 || protocol == ppp.IPv6) && c.crypt.Load() {
			if c.seal == nil {
				continue // until there is an agreement
			}
			start = offset - c.growth()
			c.sealFrame(b[start:])
		}
		c.batch = append(c.batch, b)
	}
	if len(c.batch) == 0 {
		return nil
	}
	return c.number(c.batch, start)
}

// sealFrame encrypts the frame that lies behind as many octets as it grows by.
func (c *call) sealFrame(b []byte) {
	grown := c.growth()
	at := 0 // of the new protocol
	if b[grown] == 0xff {
		b[0], b[1] = 0xff, 0x03
		at = 2
	}
	if c.short {
		b[at] = compressed
		at++
	} else {
		binary.BigEndian.PutUint16(b[at:], compressed)
		at += 2
	}
	c.seal.Seal(b[at:])
}

// number puts GRE around frames and sends them.
func (c *call) number(bufs [][]byte, offset int) error {
	ack := c.received.Load()
	c.acked.Store(ack)
	for _, b := range bufs {
		gre.Put(b[offset-gre.Size:offset], c.peer, len(b)-offset, c.next, ack)
		c.next++
	}
	return c.raw.Send(bufs, offset-gre.Size)
}

// sendAck acknowledges without a packet, if nothing else has meanwhile.
func (c *call) sendAck() error {
	c.out.Lock()
	defer c.out.Unlock()
	ack := c.received.Load()
	if ack == c.acked.Load() {
		return nil
	}
	c.acked.Store(ack)
	gre.PutAck(c.ack[:], c.peer, ack)
	return c.raw.Send([][]byte{c.ack[:]}, 0)
}

// beginAnew makes the next packet one to begin with.
func (c *call) beginAnew() error {
	c.out.Lock()
	defer c.out.Unlock()
	if c.seal != nil {
		c.seal.Reset()
	}
	return nil
}

var errKeys = errors.New("the gateway encrypts with other keys than were agreed on")

// Recv puts what comes in order, and opens it into bufs[i][offset:].
func (c *call) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	for {
		if n := c.drain(bufs, sizes, offset); n > 0 {
			return n, nil
		}
		if c.garbled > maxGarbled {
			return 0, errKeys
		}
		c.rest()
		n, err := c.raw.Recv(c.bufs, c.sizes, 0)
		switch {
		case err == nil:
			c.got, c.taken = n, 0
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.due = time.Time{}
			_ = c.deadline.SetReadDeadline(c.due)
			c.ready, c.opened = c.window.Expire(c.ready[:0], c.clock()), 0
		default:
			return 0, err
		}
	}
}

// drain opens what is in order, until bufs are full.
func (c *call) drain(bufs [][]byte, sizes []int, offset int) (n int) {
	c.in.Lock()
	defer c.in.Unlock()
	for n < len(bufs) {
		if c.opened == len(c.ready) {
			if !c.take() {
				break
			}
			continue
		}
		c.opened++
		if size := c.openFrame(bufs[n][offset:], c.ready[c.opened-1]); size > 0 {
			sizes[n] = size
			n++
		}
	}
	return n
}

// take reads one message that was received; false: there is none.
func (c *call) take() bool {
	if c.taken >= c.got {
		return false
	}
	b := c.bufs[c.taken][:c.sizes[c.taken]]
	c.taken++
	p, ok := gre.Parse(b)
	if !ok || p.Call != c.own || !p.HasSequence || len(p.Payload) == 0 {
		return true
	}
	var fresh bool
	c.opened = 0
	c.ready, fresh = c.window.Add(c.ready[:0], c.clock(), p.Sequence, p.Payload)
	if fresh && int32(p.Sequence-c.received.Load()) > 0 {
		c.received.Store(p.Sequence)
	}
	return true
}

// openFrame writes the frame as it was before MPPE to dst, and returns its length; 0: it is
// for nobody else.
func (c *call) openFrame(dst, frame []byte) int {
	protocol, payload, ok := ppp.Parse(frame)
	switch {
	case !ok || len(frame) > len(dst):
		return 0
	case protocol == compressed:
		return c.openPacket(dst, payload)
	case (protocol == ppp.IPv4 || protocol == ppp.IPv6) && c.crypt.Load():
		return 0
	case protocol == ccpNumber && c.open != nil:
		if code, id, is := isReset(payload); is {
			if code == resetAsk {
				c.say.reset(id)
			}
			return 0
		}
	}
	return copy(dst, frame)
}

func (c *call) openPacket(dst, payload []byte) int {
	if c.open == nil {
		return 0
	}
	n, v := c.open.Open(dst, payload)
	switch v {
	case mppe.Good:
		c.garbled = 0
		return n
	case mppe.Lost:
		c.askReset()
	case mppe.Garbled:
		c.garbled++
	}
	return 0
}

// askReset asks the peer for a packet to begin with, and again when none comes.
func (c *call) askReset() {
	if now := c.clock(); now.Sub(c.asked) >= askEvery {
		c.asked = now
		c.say.ask()
	}
}

// rest is called when all that was there is done: it acknowledges, or sees to it that it
// will be, and that what is missing is not waited for without an end.
func (c *call) rest() {
	unsaid := c.received.Load() - c.acked.Load()
	if unsaid == 0 {
		c.ackDue = time.Time{}
	} else {
		now := c.clock()
		if c.ackDue.IsZero() {
			c.ackDue = now.Add(ackAfter)
		}
		if unsaid >= ackEvery || !now.Before(c.ackDue) || c.deadline == nil {
			c.say.ack()
			c.ackDue = time.Time{}
		}
	}
	c.wake(sooner(c.ackDue, c.window.Due()))
}

// wake has Recv give up then. It may do so earlier.
func (c *call) wake(at time.Time) {
	if c.deadline == nil || at.IsZero() || !c.due.IsZero() && !at.Before(c.due) {
		return
	}
	c.due = at
	_ = c.deadline.SetReadDeadline(at)
}

func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// BatchSize is how many frames Recv wants room for.
func (c *call) BatchSize() int { return len(c.bufs) }

// PathMTU is that of the socket.
func (c *call) PathMTU() int {
	if w, knows := c.raw.(pathMTU); knows {
		return w.PathMTU()
	}
	return 0
}

// Close ends the wire and what blocks on it.
func (c *call) Close() error { return c.raw.Close() }
