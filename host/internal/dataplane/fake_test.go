package dataplane

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Frames as AnyConnect has them, with the host's rules.
const (
	typeData, typeAsk, typeAnswer, typeBye, typeAlive = 0, 3, 4, 5, 7
)

func rules() framing.Rules {
	return framing.Rules{
		Keepalive: framing.Keepalive{Idle: 20 * time.Second, Type: typeAlive},
		Replies:   []framing.Reply{{Match: typeAsk, With: typeAnswer}},
		Dpd:       framing.Dpd{After: 30 * time.Second, Retry: 5 * time.Second, Dead: 15 * time.Second, Type: typeAsk},
		Ignore:    []uint32{typeAnswer, typeAlive},
	}
}

func cstp(r framing.Rules) framing.Spec {
	return framing.Spec{
		Header: []byte{'S', 'T', 'F', 1, 0, 0, 0, 0}, Length: framing.Field{Offset: 4, Width: 2},
		Type: framing.Field{Offset: 6, Width: 1}, OnePerRecord: true, MaxPayload: 16384, Rules: r,
	}
}

func oneByte(r framing.Rules) framing.Spec {
	return framing.Spec{Header: []byte{0}, Type: framing.Field{Width: 1}, MaxPayload: 16384, Rules: r}
}

// stf is a frame of cstp, dtls one of oneByte.
func stf(typ byte, payload []byte) []byte {
	h := []byte{'S', 'T', 'F', 1, 0, 0, typ, 0}
	binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
	return append(h, payload...)
}

func dtls(typ byte, payload []byte) []byte { return append([]byte{typ}, payload...) }

// numbered is an IPv4 packet of 28 bytes at least that carries n.
func numbered(n uint64, size int) []byte {
	p := make([]byte, max(size, 28))
	p[0], p[8], p[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint64(p[20:], n)
	return p
}

func numberOf(p []byte) uint64 { return binary.BigEndian.Uint64(p[20:]) }

// record is what left through wires, in order.
type record struct {
	mu     sync.Mutex
	frames [][]byte
	times  []time.Time
}

func (r *record) add(frame []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frames = append(r.frames, append([]byte(nil), frame...))
	r.times = append(r.times, time.Now())
}

// take returns what was added since the last take.
func (r *record) take() (frames [][]byte, times []time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	frames, times = r.frames, r.times
	r.frames, r.times = nil, nil
	return frames, times
}

var errCut = errors.New("connection cut")

// wireEnd is the test's hold on a fake wire: what comes from the gateway, and
// how it behaves.
type wireEnd struct {
	sent   *record
	fromGW chan []byte   // closed: the gateway closed
	closed chan struct{} // by Close
	once   sync.Once
	cut    atomic.Bool // sending fails, and nothing of the batch arrives
	block  chan struct{}
}

func newWireEnd(sent *record) wireEnd {
	return wireEnd{sent: sent, fromGW: make(chan []byte, 1024), closed: make(chan struct{})}
}

func (w *wireEnd) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (w *wireEnd) isClosed() bool {
	select {
	case <-w.closed:
		return true
	default:
		return false
	}
}

// next waits for what the gateway sends.
func (w *wireEnd) next() ([]byte, error) {
	select {
	case b, ok := <-w.fromGW:
		if !ok {
			return nil, io.EOF
		}
		return b, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// pass waits while the gateway does not read.
func (w *wireEnd) pass() error {
	if w.block != nil {
		select {
		case <-w.block:
		case <-w.closed:
		}
	}
	switch {
	case w.isClosed():
		return net.ErrClosed
	case w.cut.Load():
		return errCut
	}
	return nil
}

// fakeStream is a Stream that records a batch at its Flush.
type fakeStream struct {
	wireEnd
	rest   []byte
	corked [][]byte
}

func newStream(sent *record) *fakeStream { return &fakeStream{wireEnd: newWireEnd(sent)} }

func (s *fakeStream) Read(p []byte) (int, error) {
	if len(s.rest) == 0 {
		b, err := s.next()
		if err != nil {
			return 0, err
		}
		s.rest = b
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *fakeStream) WriteFrame(frame []byte) error {
	s.corked = append(s.corked, append([]byte(nil), frame...))
	return nil
}

func (s *fakeStream) Flush() error {
	corked := s.corked
	s.corked = nil
	if err := s.pass(); err != nil {
		return err
	}
	for _, f := range corked {
		s.sent.add(f)
	}
	return nil
}

// fakeDatagram is a Datagram that destroys what it sends, as sealing in place does.
type fakeDatagram struct {
	wireEnd
	carries atomic.Int64 // largest datagram, 0: any
	pathMTU atomic.Int64
}

func newDatagram(sent *record) *fakeDatagram { return &fakeDatagram{wireEnd: newWireEnd(sent)} }

func (d *fakeDatagram) Send(bufs [][]byte, offset int) error {
	if err := d.pass(); err != nil {
		for _, b := range bufs {
			clear(b[:cap(b)][offset : len(b)+packet.Tailroom])
		}
		return err
	}
	var tooBig error
	for _, b := range bufs {
		if limit := int(d.carries.Load()); limit > 0 && len(b)-offset > limit {
			tooBig = &net.OpError{Op: "write", Err: syscall.EMSGSIZE}
			continue
		}
		d.sent.add(b[offset:])
		clear(b[:len(b)+packet.Tailroom])
	}
	return tooBig
}

func (d *fakeDatagram) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	b, err := d.next()
	for n := 0; ; n++ {
		if err != nil {
			return n, err
		}
		sizes[n] = copy(bufs[n][offset:], b)
		if n == len(bufs)-1 || len(d.fromGW) == 0 {
			return n + 1, nil
		}
		b, err = d.next()
	}
}

func (d *fakeDatagram) BatchSize() int { return 8 }

func (d *fakeDatagram) PathMTU() int { return int(d.pathMTU.Load()) }

// rig is a plane with the kernel's end of its device.
type rig struct {
	*Plane
	t      *testing.T
	device *tun.Channel
	kernel *tun.Channel
	sent   *record
}

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	if o.MTU == 0 {
		o.MTU = 1400
	}
	device, kernel := tun.NewChannel("test0", o.MTU)
	r := &rig{Plane: New(device, o), t: t, device: device, kernel: kernel, sent: &record{}}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func (r *rig) stream(id uint32, preference int, replaces uint32, rules framing.Rules) *fakeStream {
	r.t.Helper()
	s := newStream(r.sent)
	if err := r.AddStream(id, s, cstp(rules), preference, replaces, "tls", 60); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait() // for the event, so that those of several paths have an order
	return s
}

// blockedStream is a path whose gateway does not read until block is closed.
func (r *rig) blockedStream(id uint32, preference int) *fakeStream {
	r.t.Helper()
	s := newStream(r.sent)
	s.block = make(chan struct{})
	if err := r.AddStream(id, s, cstp(rules()), preference, 0, "tls", 60); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	return s
}

func (r *rig) datagram(id uint32, preference int, replaces uint32, kind string, rules framing.Rules) *fakeDatagram {
	r.t.Helper()
	d := newDatagram(r.sent)
	if err := r.AddDatagram(id, d, oneByte(rules), preference, replaces, kind, 79); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	return d
}

// kernelSends hands packets to the device.
func (r *rig) kernelSends(packets ...[]byte) {
	r.t.Helper()
	if _, err := r.kernel.Write(packets, 0); err != nil {
		r.t.Fatal(err)
	}
}

// kernelGets returns the next packet that the plane wrote to the device.
func (r *rig) kernelGets() []byte {
	r.t.Helper()
	buf, size := [][]byte{make([]byte, packet.MaxSize)}, make([]int, 1)
	if _, err := r.kernel.Read(buf, size, 0); err != nil {
		r.t.Fatal(err)
	}
	return buf[0][:size[0]]
}

// event returns the next event, which must be of this path and kind.
func (r *rig) event(path uint32, kind Kind) Event {
	r.t.Helper()
	e := <-r.Events()
	if e.Path != path || e.Kind != kind {
		r.t.Fatalf("event %+v, want kind %d of path %d", e, kind, path)
	}
	return e
}

func (r *rig) noEvent() {
	r.t.Helper()
	select {
	case e := <-r.Events():
		r.t.Fatalf("unexpected event %+v", e)
	default:
	}
}

// advance lets the bubble's fake time pass.
func advance(d time.Duration) { <-time.After(d) }
