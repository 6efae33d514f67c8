package dataplane

import (
	"errors"
	"io"
	"slices"

	"github.com/penstock-vpn/penstock/host/internal/frame"
	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// The inbound goroutine of a path: receive a batch, take the frames apart, write
// the packets among them to the device as one vector. It never waits for a writer
// of the wire: what must be answered goes through the queue.

// maxBatch is the number of packets that reach the device together at most.
const maxBatch = 128

// borrow returns maxBatch buffers. They are large: those of a path that has ended
// serve the next one. What a path left in them never leaves the process.
func (p *Plane) borrow() [][]byte {
	select {
	case bufs := <-p.spare:
		return bufs
	default:
		return packet.NewBuffers(maxBatch)
	}
}

func (p *Plane) giveBack(bufs [][]byte) {
	select {
	case p.spare <- bufs:
	default:
	}
}

// readStream runs until the stream ends and says why it did.
func (x *path) readStream(w Stream, cutter *frame.Cutter) string {
	in := newInbox(x)
	store := x.plane.borrow()
	defer x.plane.giveBack(store)
	var g gait
	for empty := 0; empty < 100; empty++ {
		g.rest()
		space := cutter.Space()
		n, err := w.Read(space)
		g.came(x.plane.now(), n, len(space)/2)
		if n > 0 {
			empty = 0
			cutter.Fill(n)
			if broken := in.takeStream(cutter, store); broken != nil {
				x.breach = true
				return "the gateway broke the protocol: " + broken.Error()
			}
		}
		if err != nil {
			return ending(err)
		}
	}
	return ending(io.ErrNoProgress)
}

// takeStream copies packets into store: there they have the room that the device
// needs before and behind, to merge them.
func (in *inbox) takeStream(cutter *frame.Cutter, store [][]byte) error {
	defer in.flush(packet.Headroom)
	for {
		f, ok, err := cutter.Next()
		if !ok {
			return err
		}
		if n := in.accept(f); n > 0 {
			b := store[in.n]
			in.add(b[:packet.Headroom+copy(b[packet.Headroom:], f.Payload[:n])], n)
		}
		if in.n == len(store) {
			in.flush(packet.Headroom)
		}
	}
}

// readDatagrams runs until the wire ends and says why it did.
func (x *path) readDatagrams(w Datagram) string {
	in := newInbox(x)
	bufs, sizes := x.plane.borrow(), make([]int, maxBatch)
	defer x.plane.giveBack(bufs)
	size := min(w.BatchSize(), maxBatch)
	var g gait
	for {
		g.rest()
		n, err := w.Recv(bufs[:size], sizes, packet.Headroom)
		g.came(x.plane.now(), n, size)
		in.takeDatagrams(bufs[:n], sizes, x.marks())
		if err != nil {
			return ending(err)
		}
	}
}

// marks are the octets of the outer headers of what has just come; nil: all are 0.
func (x *path) marks() []byte {
	if x.marker == nil {
		return nil
	}
	return x.marker.Marks()
}

// takeDatagrams leaves packets where they were received. Marks that they met outside
// are passed on inside, or cost a packet that does not understand them.
func (in *inbox) takeDatagrams(bufs [][]byte, sizes []int, marks []byte) {
	offset := packet.Headroom + in.x.codec.HeaderLen()
	for i, b := range bufs {
		f, err := in.x.codec.Datagram(b[packet.Headroom : packet.Headroom+sizes[i]])
		if err != nil {
			in.dropped++
			continue
		}
		n := in.accept(f)
		switch {
		case n == 0:
		case marks != nil && !packet.Decapsulate(f.Payload[:n], marks[i]):
			in.dropped++
		default:
			if &b[offset] != &f.Payload[0] { // PPP in another form than ours
				copy(b[offset:], f.Payload[:n])
			}
			in.add(b[:offset+n], n)
		}
	}
	in.flush(offset)
}

func ending(err error) string {
	if errors.Is(err, io.EOF) {
		return "the gateway closed the connection"
	}
	return "receiving failed: " + err.Error()
}

// inbox gathers the packets of a batch.
type inbox struct {
	x   *path
	vec [][]byte // for the device, which may change its elements
	n   int      // of vec

	size, dropped int
	fresh         bool // the sign of life in this batch is noted
}

func newInbox(x *path) *inbox { return &inbox{x: x, vec: make([][]byte, maxBatch)} }

// accept returns the length of the packet in f; 0 when it has none for the device.
func (in *inbox) accept(f frame.Frame) int {
	if in.heard(); f.Type != in.x.codec.DataType() {
		in.x.takeControl(f)
		return 0
	}
	n := packet.Len(f.Payload)
	if n == 0 {
		in.dropped++
	}
	return n
}

// add appends a packet of n bytes, the last ones of b.
func (in *inbox) add(b []byte, n int) {
	in.vec[in.n] = b
	in.n++
	in.size += n
}

// flush writes vec to the device and counts.
func (in *inbox) flush(offset int) {
	x, p := in.x, in.x.plane
	limit := int(p.whole.Load())
	for _, b := range in.vec[:in.n] {
		packet.ClampMSS(b[offset:], limit)
	}
	if in.n > 0 && p.tunWrite.take(p.done) {
		_, err := p.dev.Write(in.vec[:in.n], offset)
		p.tunWrite.give()
		if err != nil {
			in.dropped++ // some: the device does not say how many
		}
	}
	x.countRx(in.n, in.size, in.dropped)
	in.n, in.size, in.dropped, in.fresh = 0, 0, 0, false
}

// heard notes a sign of life, once a batch; the first one brings a path up that had
// to prove itself.
func (in *inbox) heard() {
	if in.fresh {
		return
	}
	in.fresh = true
	x := in.x
	x.rx.Store(int64(x.plane.now()))
	if !x.proved {
		x.proved = true
		x.plane.markUp(x)
	}
}

// takeControl replies by rule, ignores by rule, or passes f on to the plugin.
func (x *path) takeControl(f frame.Frame) {
	for _, r := range x.rules.Replies {
		if answer, ok := r.To(nil, f.Type, f.Payload); ok {
			if !x.barred.Load() && x.enqueue(r.With, answer) != nil {
				x.plane.events.dropped.Add(1)
			}
			return
		}
	}
	if !slices.Contains(x.rules.Ignore, f.Type) {
		x.plane.events.emit(Event{Path: x.id, Kind: Control, Type: f.Type, Payload: slices.Clone(f.Payload)})
	}
}
