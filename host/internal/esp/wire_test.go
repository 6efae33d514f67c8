package esp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// socket is one end of a pair: what one sends, the other's Fill gets.
type socket struct {
	peer    *socket
	arrived chan [][]byte
	batch   [][]byte
	mtu     int
	dead    error // of Send
	closed  chan struct{}
}

func sockets() (a, b *socket) {
	a = &socket{arrived: make(chan [][]byte, 1024), closed: make(chan struct{})}
	b = &socket{arrived: make(chan [][]byte, 1024), closed: make(chan struct{}), peer: a}
	a.peer = b
	return a, b
}

func (s *socket) Send(bufs [][]byte, offset int) (err error) {
	if s.dead != nil {
		return s.dead
	}
	var batch [][]byte
	for _, b := range bufs {
		if s.mtu > 0 && len(b)-offset > s.mtu {
			err = syscall.EMSGSIZE
			continue
		}
		batch = append(batch, bytes.Clone(b[offset:]))
	}
	s.peer.arrived <- batch
	return err
}

func (s *socket) Fill() error {
	select {
	case s.batch = <-s.arrived:
		return nil
	case <-s.closed:
		return net.ErrClosed
	case <-time.After(20 * time.Second):
		return errors.New("nothing arrives any more")
	}
}

func (s *socket) Next() ([]byte, bool) {
	if len(s.batch) == 0 {
		return nil, false
	}
	d := s.batch[0]
	s.batch = s.batch[1:]
	return d, true
}

func (s *socket) Close() error  { close(s.closed); return nil }
func (s *socket) PathMTU() int  { return 1492 }
func (s *socket) put(d ...byte) { s.arrived <- [][]byte{d} }

// wires are a pair with sa in one direction.
func wires(t testing.TB, sa SA, h Handler) (from, to *Wire, at *socket) {
	t.Helper()
	a, b := sockets()
	from, to = NewWire(a, h), NewWire(b, h)
	o, in := ends(t, sa)
	from.SetOutbound(o)
	if err := to.AddInbound(in); err != nil {
		t.Fatal(err)
	}
	return from, to, b
}

func send(t testing.TB, w *Wire, pkts ...[]byte) {
	t.Helper()
	var bufs [][]byte
	for _, p := range pkts {
		bufs = append(bufs, framed(p))
	}
	if err := w.Send(bufs, headroom); err != nil {
		t.Fatal(err)
	}
}

// receive returns what one Recv gives.
func receive(t testing.TB, w *Wire) [][]byte {
	t.Helper()
	bufs, sizes := make([][]byte, w.BatchSize()), make([]int, w.BatchSize())
	for i := range bufs {
		bufs[i] = make([]byte, headroom+2048)
	}
	n, err := w.Recv(bufs, sizes, headroom)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	for i := range n {
		got = append(got, bufs[i][headroom:][:sizes[i]])
	}
	return got
}

func TestWireCarriesPackets(t *testing.T) {
	eachSuite(t, func(t *testing.T, sa SA) {
		from, to, _ := wires(t, sa, Handler{})
		var want [][]byte
		for i := range 300 { // more than a batch
			want = append(want, ipv4(20+i), ipv6(40+i*3))
		}
		send(t, from, want...)
		var got [][]byte
		for len(got) < len(want) {
			got = append(got, receive(t, to)...)
		}
		for i := range want {
			same(t, "packet", got[i], want[i])
		}
	})
}

func TestWireCountsWhatItDrops(t *testing.T) {
	sa := newSA(SuiteNamed("aes128gcm16"), testSPI)
	from, to, at := wires(t, sa, Handler{})
	o := from.out.Load()
	padded := append(ipv4(40), make([]byte, 500)...) // against traffic analysis
	replayed := sealed(t, o, ipv4(30), nextIPv4)
	at.put(keepalive)
	at.put(1, 2, 3)
	at.put(sealed(t, o, pattern(100), nextDummy)...)
	at.put(sealed(t, o, ipv4(40), nextIPv6)...) // says IPv6, is IPv4
	at.put(sealed(t, o, ipv4(40)[:39], nextIPv4)...)
	at.put(sealed(t, o, ipv4(40), 17)...) // transport mode
	at.put(binary.BigEndian.AppendUint64(nil, 0xdeadbeef<<32)...)
	at.put(append(replayed, 0)...)
	at.put(append(replayed, 0, 0, 0, 0)...)
	at.put(replayed...)
	at.put(replayed...)
	at.put(sealed(t, o, padded, nextIPv4)...)
	same(t, "between", receive(t, to)[0], ipv4(30))
	same(t, "padded", receive(t, to)[0], ipv4(40))
	for v, want := range map[Verdict]uint64{Keepalive: 1, Malformed: 2, Dummy: 1, NotIP: 3, UnknownSPI: 1, Forged: 1, Replayed: 1, Good: 0} {
		if got := to.Count(v); got != want {
			t.Errorf("%v: %d, want %d", v, got, want)
		}
	}
	send(t, from, []byte{0, 1, 2})
	from.SetOutbound(nil)
	send(t, from, ipv4(40), ipv4(41))
	if from.Count(NotIP) != 1 || from.Count(NoSA) != 2 {
		t.Errorf("not IP %d, no SA %d", from.Count(NotIP), from.Count(NoSA))
	}
}

func TestWireSharesThePortWithIKE(t *testing.T) {
	var heard [][]byte
	h := Handler{IKE: func(message []byte) { heard = append(heard, bytes.Clone(message)) }}
	from, to, at := wires(t, newSA(Suites[0], testSPI), h)
	if err := from.SendKeepalive(); err != nil {
		t.Fatal(err)
	}
	for _, m := range []string{"a message of IKE", "another one, which is longer"} {
		if err := from.SendIKE([]byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	at.put(0, 0, 0, 0)
	send(t, from, ipv4(50))
	same(t, "packet", receive(t, to)[0], ipv4(50))
	if len(heard) != 2 || string(heard[1]) != "another one, which is longer" {
		t.Errorf("heard %q", heard)
	}
	if to.Count(Keepalive) != 1 || to.Count(Malformed) != 1 || to.Count(UnknownSPI) != 0 {
		t.Errorf("keepalives %d, malformed %d", to.Count(Keepalive), to.Count(Malformed))
	}
}

// Packets under old and new keys arrive mixed while both ends change over.
func TestRekeyLosesNothing(t *testing.T) {
	suite := SuiteNamed("aes128-sha1")
	from, to, _ := wires(t, newSA(suite, 1000), Handler{})
	const rounds, each = 20, 50
	var wait sync.WaitGroup
	wait.Go(func() {
		for i := range rounds * each {
			send(t, from, ipv4(20+i%200), ipv6(40+i%200))
		}
	})
	wait.Go(func() {
		for i := range SPI(rounds) {
			o, in := ends(t, newSA(suite, 1001+i))
			if err := to.AddInbound(in); err != nil { // the receiver is ready first
				t.Error(err)
			}
			from.SetOutbound(o)
		}
	})
	for got := 0; got < 2*rounds*each; {
		got += len(receive(t, to))
	}
	wait.Wait()
	for i := range SPI(rounds) {
		to.RemoveInbound(1000 + i)
	}
	send(t, from, ipv4(99))
	same(t, "under the last", receive(t, to)[0], ipv4(99))
	for v := range verdicts {
		if to.Count(v)+from.Count(v) != 0 {
			t.Errorf("%v: %d and %d", v, to.Count(v), from.Count(v))
		}
	}
	if _, in := ends(t, newSA(suite, 1000+rounds)); to.AddInbound(in) == nil {
		t.Error("an SPI was installed twice")
	}
}

func TestWireTellsAges(t *testing.T) {
	type news struct {
		spi      SPI
		outbound bool
		age      Age
	}
	var heard []news
	var from *Wire
	sa := newSA(SuiteNamed("aes256gcm16"), testSPI)
	sa.Limits.Packets = Limit{Soft: 3, Hard: 5}
	from, to, _ := wires(t, sa, Handler{Aged: func(spi SPI, outbound bool, age Age) {
		heard = append(heard, news{spi, outbound, age})
		if err := from.SendIKE([]byte("let us rekey")); err != nil { // a handler may send
			t.Error(err)
		}
	}})
	for range 3 {
		send(t, from, ipv4(20), ipv4(20))
	}
	want := []news{{testSPI, true, Soft}, {testSPI, true, Hard}}
	if len(heard) != 2 || heard[0] != want[0] || heard[1] != want[1] || from.Count(Expired) != 1 {
		t.Errorf("sender heard %v; %d expired", heard, from.Count(Expired))
	}
	heard, want = nil, []news{{testSPI, false, Soft}, {testSPI, false, Hard}}
	for got := 0; got < 5; {
		got += len(receive(t, to))
	}
	if len(heard) != 2 || heard[0] != want[0] || heard[1] != want[1] {
		t.Errorf("receiver heard %v", heard)
	}
}

func TestWireTellsWhatTheSocketSays(t *testing.T) {
	from, to, _ := wires(t, newSA(Suites[0], testSPI), Handler{})
	s := from.socket.(*socket)
	s.mtu = 200
	var bufs [][]byte
	for i := range 2 * batchSize {
		bufs = append(bufs, framed(ipv4(100+i%2*200)))
	}
	if err := from.Send(bufs, headroom); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("too large: %v", err)
	}
	for got := 0; got < batchSize; {
		got += len(receive(t, to))
	}
	s.dead = net.ErrClosed
	if err := from.Send([][]byte{framed(ipv4(30))}, headroom); !errors.Is(err, net.ErrClosed) {
		t.Errorf("dead: %v", err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	if n, err := to.Recv(packet.NewBuffers(1), make([]int, 1), headroom); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %d, %v", n, err)
	}
	if to.PathMTU() != 1492 {
		t.Errorf("path MTU %d", to.PathMTU())
	}
}

// loop is a socket that gives back what it was sent, from memory of its own.
type loop struct {
	memory      [batchSize][2048]byte
	sizes       [batchSize]int
	count, next int
}

func (l *loop) Send(bufs [][]byte, offset int) error {
	for i, b := range bufs {
		l.sizes[i] = copy(l.memory[i][:], b[offset:])
	}
	l.count, l.next = len(bufs), 0
	return nil
}

func (l *loop) Next() ([]byte, bool) {
	if l.next == l.count {
		return nil, false
	}
	l.next++
	return l.memory[l.next-1][:l.sizes[l.next-1]], true
}

func (l *loop) Fill() error  { return net.ErrClosed }
func (l *loop) Close() error { return nil }

// looped is a wire whose packets come back, and a batch with what Recv wants.
func looped(t testing.TB, s *Suite) (w *Wire, full, bufs [][]byte, sizes []int) {
	w = NewWire(&loop{}, Handler{})
	o, in := ends(t, newSA(s, testSPI))
	w.SetOutbound(o)
	if err := w.AddInbound(in); err != nil {
		t.Fatal(err)
	}
	for range batchSize {
		full, bufs = append(full, framed(ipv4(1400))), append(bufs, make([]byte, headroom+2048))
	}
	return w, full, bufs, make([]int, batchSize)
}

var header = ipv4(1400)[:20]

// around sends the batch and receives it.
func around(t testing.TB, w *Wire, full, bufs [][]byte, sizes []int) {
	for _, b := range full {
		copy(b[headroom:], header) // it was encrypted
	}
	if err := w.Send(full, headroom); err != nil {
		t.Fatal(err)
	}
	n, err := w.Recv(bufs, sizes, headroom)
	if n != len(full) || err != nil {
		t.Fatalf("%d of %d came back: %v", n, len(full), err)
	}
}

func TestWireDoesNotAllocate(t *testing.T) {
	for _, s := range Suites {
		w, full, bufs, sizes := looped(t, s)
		runs := 10
		if slow(s) {
			runs = 1
		}
		if allocs := testing.AllocsPerRun(runs, func() { around(t, w, full, bufs, sizes) }); allocs != 0 {
			t.Errorf("%s: %v allocations a batch", s.Name, allocs)
		}
	}
}

// BenchmarkWire is sealing and opening of a packet of 1400 bytes, in batches.
func BenchmarkWire(b *testing.B) {
	for _, name := range []string{"aes128gcm16", "chacha20poly1305", "aes128-sha1", "aes256-sha256"} {
		b.Run(name, func(b *testing.B) {
			w, full, bufs, sizes := looped(b, SuiteNamed(name))
			b.SetBytes(1400)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if i%batchSize == 0 {
					around(b, w, full, bufs, sizes)
				}
			}
		})
	}
}
