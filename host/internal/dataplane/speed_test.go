package dataplane

import (
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

const batchSize = 64

// sourceDevice gives a full vector for every token, and counts what is written.
type sourceDevice struct {
	tokens  chan struct{}
	written chan int
	packet  []byte
}

func newSource(size int) *sourceDevice {
	return &sourceDevice{tokens: make(chan struct{}, 1), written: make(chan int, 1), packet: numbered(1, size)}
}

func (d *sourceDevice) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	if _, ok := <-d.tokens; !ok {
		return 0, os.ErrClosed
	}
	for i := range bufs {
		sizes[i] = copy(bufs[i][offset:], d.packet)
	}
	return len(bufs), nil
}

func (d *sourceDevice) Write(bufs [][]byte, _ int) (int, error) {
	d.written <- len(bufs)
	return len(bufs), nil
}

func (d *sourceDevice) BatchSize() int   { return batchSize }
func (d *sourceDevice) Name() string     { return "source0" }
func (d *sourceDevice) SetMTU(int) error { return nil }
func (d *sourceDevice) Close() error     { close(d.tokens); return nil }

var _ tun.Device = (*sourceDevice)(nil)

// memoryWire is a Stream and a Datagram that counts what is sent, and receives a
// prepared batch for every token.
type memoryWire struct {
	tokens  chan struct{}
	flushed chan int
	corked  int
	batch   []byte
	left    []byte
	frame   []byte
	closed  atomic.Bool
}

func newMemoryWire(frame []byte) *memoryWire {
	w := &memoryWire{tokens: make(chan struct{}, 1), flushed: make(chan int, 1), frame: frame}
	for range batchSize {
		w.batch = append(w.batch, frame...)
	}
	return w
}

func (w *memoryWire) Read(p []byte) (int, error) {
	if len(w.left) == 0 {
		if _, ok := <-w.tokens; !ok {
			return 0, io.EOF
		}
		w.left = w.batch
	}
	n := copy(p, w.left)
	w.left = w.left[n:]
	return n, nil
}

func (w *memoryWire) WriteFrame([]byte) error {
	w.corked++
	return nil
}

func (w *memoryWire) Flush() error {
	w.flushed <- w.corked
	w.corked = 0
	return nil
}

func (w *memoryWire) Send(bufs [][]byte, _ int) error {
	w.flushed <- len(bufs)
	return nil
}

func (w *memoryWire) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	if _, ok := <-w.tokens; !ok {
		return 0, io.EOF
	}
	for i := range bufs {
		sizes[i] = copy(bufs[i][offset:], w.frame)
	}
	return len(bufs), nil
}

func (w *memoryWire) BatchSize() int { return batchSize }

func (w *memoryWire) Close() error {
	if !w.closed.Swap(true) {
		close(w.tokens)
	}
	return nil
}

// speedRig is a plane in memory; out and in move one batch and wait for it.
func speedRig(tb testing.TB, stream bool, size int) (out, in func()) {
	dev := newSource(size)
	p := New(dev, Options{MTU: 1500})
	tb.Cleanup(func() { _ = p.Close() })
	w := newMemoryWire(dtls(typeData, dev.packet))
	add := func() error { return p.AddDatagram(1, w, oneByte(framing.Rules{}), 0, 0, "dtls", 79) }
	if stream {
		w = newMemoryWire(stf(typeData, dev.packet))
		add = func() error { return p.AddStream(1, w, cstp(rules()), 0, 0, "tls", 60) }
	}
	if err := add(); err != nil {
		tb.Fatal(err)
	}
	<-p.Events()
	wait := func(c chan int) {
		for n := 0; n < batchSize; {
			n += <-c
		}
	}
	out = func() { dev.tokens <- struct{}{}; wait(w.flushed) }
	in = func() { w.tokens <- struct{}{}; wait(dev.written) }
	return out, in
}

func TestHotPathsDoNotAllocate(t *testing.T) {
	for name, stream := range map[string]bool{"stream": true, "datagram": false} {
		out, in := speedRig(t, stream, 1400)
		if n := testing.AllocsPerRun(200, out); n != 0 {
			t.Errorf("%s out: %v allocations a batch", name, n)
		}
		if n := testing.AllocsPerRun(200, in); n != 0 {
			t.Errorf("%s in: %v allocations a batch", name, n)
		}
	}
}

// The whole way through channels, as tests of other packages use it.
func TestChannelDeviceDoesNotAllocate(t *testing.T) {
	device, kernel := tun.NewChannel("test0", 1400)
	p := New(device, Options{MTU: 1400})
	defer func() { _ = p.Close() }()
	w := newMemoryWire(stf(typeData, numbered(1, 1400)))
	if err := p.AddStream(1, w, cstp(framing.Rules{}), 0, 0, "tls", 60); err != nil {
		t.Fatal(err)
	}
	<-p.Events()
	vec := [][]byte{numbered(1, 1400)}
	bufs, sizes := packet.NewBuffers(batchSize), make([]int, batchSize)
	if n := testing.AllocsPerRun(100, func() {
		_, _ = kernel.Write(vec, 0)
		<-w.flushed
		w.tokens <- struct{}{}
		for n := 0; n < batchSize; {
			m, _ := kernel.Read(bufs, sizes, 0)
			n += m
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestGoroutinesEndWithThePlane(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("plane", func(t *testing.T) {
		speedRig(t, true, 1400)
		speedRig(t, false, 1400)
	})
	// A timer that has fired may still be on its way out.
	for end := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; runtime.Gosched() {
		if time.Now().After(end) {
			t.Fatalf("%d goroutines became %d", before, runtime.NumGoroutine())
		}
	}
}

func benchmark(b *testing.B, stream, outward bool) {
	move, in := speedRig(b, stream, 1400)
	if !outward {
		move = in
	}
	b.SetBytes(1400)
	b.ReportAllocs()
	b.ResetTimer()
	for n := 0; n < b.N; n += batchSize {
		move()
	}
}

// One operation is one packet of 1400 bytes.
func BenchmarkOutStream(b *testing.B)   { benchmark(b, true, true) }
func BenchmarkOutDatagram(b *testing.B) { benchmark(b, false, true) }
func BenchmarkInStream(b *testing.B)    { benchmark(b, true, false) }
func BenchmarkInDatagram(b *testing.B)  { benchmark(b, false, false) }
