package dataplane

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/frame"
	"github.com/penstock-vpn/penstock/host/internal/mtu"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// path is one attached wire. Its life, each arrow taken once:
//
//	          up                    barred                ended
//	attached ────▶ may be the out ────────▶ sends no data ──────▶ wire closed
//	  │  stream, dtls: at once               replaced: reads      │
//	  │  udp: after the first frame          on until silent      ▼
//	  └──────────────────────────── end (error, silence) ──▶ event Dead
type path struct {
	plane      *Plane
	id         uint32
	kind       string
	preference int
	order      int // of attachment: the younger of two equals is preferred
	codec      *frame.Codec
	rules      framing.Rules
	overhead   int // bytes around a packet, frame header included
	wire       wire
	marker     marker         // wire, when it has the ability
	marking    packet.Marking // of what leaves by marker

	// Guarded by plane.mu.
	up       bool
	replaced bool
	leaving  bool // ends without an event
	ended    bool
	reason   string    // why it ended
	inner    mtu.Inner // the largest packet it carries, 0: unknown
	whole    mtu.Inner // the largest that goes without being cut; 0: inner

	barred atomic.Bool // packets must not leave on it any more
	calm   atomic.Bool // sending stirs the keeper
	writer turn        // guards wire.send, and tos
	tos    []byte      // of a batch's outer headers
	rx, tx atomic.Int64
	count  counters

	// Of the inbound goroutine:
	proved bool // a frame has come, or need not
	breach bool // the gateway broke the protocol

	queue   chan controlFrame
	keeper  keeper
	drained chan struct{} // the control goroutine has ended
	drain   chan struct{} // closed: write what is queued, then end
	stop    chan struct{} // closed: end at once
}

// wire is what a Stream and a Datagram have in common for the sending side.
type wire interface {
	// send sends each bufs[i][offset:], a whole frame.
	send(bufs [][]byte, offset int) error
	// intact says that frames are as they were after send.
	intact() bool
	Close() error
}

// streamWire sends a batch as one flush.
type streamWire struct{ Stream }

func (w streamWire) send(bufs [][]byte, offset int) error {
	for _, b := range bufs {
		if err := w.WriteFrame(b[offset:]); err != nil {
			return err
		}
	}
	return w.Flush()
}

func (streamWire) intact() bool { return true }

// datagramWire may seal frames where they lie.
type datagramWire struct{ Datagram }

func (w datagramWire) send(bufs [][]byte, offset int) error { return w.Send(bufs, offset) }

func (datagramWire) intact() bool { return false }

// under is the Stream or Datagram of x, which may have abilities.
func (x *path) under() any {
	switch w := x.wire.(type) {
	case streamWire:
		return w.Stream
	case datagramWire:
		return w.Datagram
	}
	return nil
}

// received and sent are when the last frame came and went, since the epoch.
func (x *path) received() time.Duration { return time.Duration(x.rx.Load()) }

func (x *path) sent() time.Duration { return time.Duration(x.tx.Load()) }

// sendPackets sends packets that lie at packet.Headroom. It returns those that
// another path must send, because this one is barred or dead.
func (x *path) sendPackets(batch [][]byte) (left [][]byte) {
	if !x.writer.take(x.stop) {
		return batch
	}
	defer x.writer.give()
	if x.barred.Load() {
		return batch
	}
	n, size, largest := x.sealAll(batch)
	refused := len(batch) - n
	if n == 0 {
		x.countTx(0, 0, refused)
		return nil
	}
	err := x.transmit(batch[:n])
	switch {
	case err == nil:
		x.tx.Store(int64(x.plane.now()))
		if x.calm.Load() {
			x.keeper.stir()
		}
		x.countTx(n, size, refused)
		return nil
	case errors.Is(err, syscall.EMSGSIZE):
		fit := x.tooBig(mtu.Inner(largest))
		x.countFitting(batch[:n], fit, refused)
		return nil
	}
	x.plane.end(x, "sending failed: "+err.Error())
	if x.wire.intact() {
		x.countTx(0, 0, refused)
		return batch[:n]
	}
	x.countTx(0, 0, refused+n)
	return nil
}

// transmit sends frames, with marks if there are any: most packets have none.
func (x *path) transmit(batch [][]byte) error {
	offset := packet.Headroom - x.codec.HeaderLen()
	if tos := x.outer(batch); tos != nil {
		return x.marker.SendMarked(batch, offset, tos)
	}
	return x.wire.send(batch, offset)
}

// outer returns the octets of the outer headers; nil: all are 0.
func (x *path) outer(batch [][]byte) []byte {
	if x.marker == nil || x.marking == (packet.Marking{}) {
		return nil
	}
	all := byte(0)
	x.tos = x.tos[:0]
	for _, b := range batch {
		tos := x.marking.Outer(b[packet.Headroom:])
		x.tos = append(x.tos, tos)
		all |= tos
	}
	if all == 0 {
		return nil
	}
	return x.tos
}

// countFitting counts a batch of which the wire dropped what is larger than fit.
func (x *path) countFitting(batch [][]byte, fit mtu.Inner, dropped int) {
	packets, size := 0, 0
	for _, b := range batch {
		if n := len(b) - packet.Headroom; n <= int(fit) {
			packets++
			size += n
		} else {
			dropped++
		}
	}
	x.countTx(packets, size, dropped)
}

// sealAll puts headers on, moves packets that the header cannot describe to the
// end of batch, and returns how many are left, their bytes and the largest.
func (x *path) sealAll(batch [][]byte) (n, size, largest int) {
	for i := range batch {
		if x.codec.Seal(batch[i], packet.Headroom, x.codec.DataType()) != nil {
			continue
		}
		length := len(batch[i]) - packet.Headroom
		size += length
		largest = max(largest, length)
		batch[n], batch[i] = batch[i], batch[n]
		n++
	}
	return n, size, largest
}
