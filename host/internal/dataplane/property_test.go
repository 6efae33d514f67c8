package dataplane

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Whatever happens to the paths, packets leave in order and once each, and are
// lost only with a datagram wire that failed: the plane counts those. What comes
// in arrives in the order of its path, also from one that was replaced.
func TestPacketsSurviveWhatHappensToPaths(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			w := &world{rig: newRig(t, Options{}), rand: rand.New(rand.NewPCG(seed, 1)), live: map[uint32]*end{}}
			w.t = t
			go w.drainEvents()
			for range 150 {
				w.act()
			}
			w.finish(seed)
		})
	}
}

// end is a wire as the gateway has it.
type end struct {
	*wireEnd
	seal func(byte, []byte) []byte
}

type world struct {
	*rig
	rand *rand.Rand
	live map[uint32]*end
	last uint32 // path number
	out  uint64 // packets sent by the kernel
	in   uint64 // packets sent by the gateway
}

func (w *world) drainEvents() {
	for range w.Events() {
	}
}

// act does one random thing.
func (w *world) act() {
	switch w.rand.IntN(10) {
	case 0:
		w.add(0)
	case 1:
		w.add(w.any())
	case 2:
		if e := w.live[w.any()]; e != nil {
			e.cut.Store(true)
		}
	case 3:
		if id := w.any(); id != 0 {
			close(w.live[id].fromGW)
			delete(w.live, id)
		}
	case 4:
		if id := w.any(); id != 0 {
			_ = w.Remove(id)
			delete(w.live, id)
		}
	case 5:
		advance(time.Duration(w.rand.IntN(7)) * time.Second)
		synctest.Wait()
	default:
		if _, _, ok := w.Active(); !ok {
			w.add(0) // or the device fills, and the kernel waits
		}
		for range w.rand.IntN(40) {
			w.kernelSends(numbered(w.out, 40))
			w.out++
		}
	}
	if w.rand.IntN(2) == 0 {
		synctest.Wait()
	}
	w.receive()
}

// any returns the number of a path, 0 when there is none. It depends on the seed alone.
func (w *world) any() uint32 {
	for range 20 {
		if id := 1 + w.rand.Uint32N(w.last+1); w.live[id] != nil {
			return id
		}
	}
	return 0
}

func (w *world) add(replaces uint32) {
	for id, e := range w.live {
		if e.isClosed() {
			delete(w.live, id)
		}
	}
	if len(w.live) > 8 {
		return
	}
	w.last++
	preference := w.rand.IntN(3)
	var err error
	if w.rand.IntN(2) == 0 {
		s := newStream(w.sent)
		w.live[w.last] = &end{&s.wireEnd, stf}
		err = w.AddStream(w.last, s, cstp(framing.Rules{}), preference, replaces, "tls", 60)
	} else {
		d := newDatagram(w.sent)
		w.live[w.last] = &end{&d.wireEnd, dtls}
		err = w.AddDatagram(w.last, d, oneByte(framing.Rules{}), preference, replaces, "dtls", 79)
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// receive has the gateway send two packets on one path, which must arrive if the
// path was alive.
func (w *world) receive() {
	e := w.live[w.any()]
	synctest.Wait()
	if e == nil || e.isClosed() {
		return
	}
	for range 2 {
		e.fromGW <- e.seal(typeData, numbered(w.in, 40))
		if got := numberOf(w.kernelGets()); got != w.in {
			w.t.Fatalf("packet %d arrived where %d was sent", got, w.in)
		}
		w.in++
	}
}

func (w *world) finish(seed uint64) {
	w.add(0) // a path for what is left
	synctest.Wait()
	frames, _ := w.sent.take()
	var next, lost uint64
	for _, f := range frames {
		n := numberOf(f[1:])
		if f[0] == 'S' {
			n = numberOf(f[8:])
		}
		if n < next {
			w.t.Fatalf("seed %d: packet %d after %d", seed, n, next-1)
		}
		lost += n - next
		next = n + 1
	}
	lost += w.out - next
	s := w.Stats()
	if s.TxDropped != lost || s.TxPackets != uint64(len(frames)) || s.RxPackets != w.in {
		w.t.Errorf("seed %d: %d of %d lost, %d left, %d came in; stats %+v", seed, lost, w.out, len(frames), w.in, s.Counts)
	}
	if w.out > 200 && len(frames) == 0 {
		w.t.Errorf("seed %d: nothing left", seed)
	}
}
