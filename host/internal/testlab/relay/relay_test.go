package relay

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
)

// bad is what the datapath is made for.
var bad = Faults{Seed: 1, Lose: 0.05, Late: 0.10, Double: 0.03}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually polls until ok, or fails after a time that only a hang takes.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.Tick(time.Millisecond); !ok(); <-tick {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func TestALineDoesTheSameForTheSameSeed(t *testing.T) {
	const n = 20_000
	pass := func(number uint64) (came []uint32, c Counts) {
		l := newLine(bad, number)
		out := func(d []byte) { came = append(came, binary.BigEndian.Uint32(d)) }
		for i := range uint32(n) {
			l.take(binary.BigEndian.AppendUint32(nil, i), out)
		}
		l.rest()
		return came, l.counts()
	}
	came, c := pass(0)
	if again, _ := pass(0); fmt.Sprint(again) != fmt.Sprint(came) {
		t.Error("the second time was different")
	}
	if other, _ := pass(1); fmt.Sprint(other) == fmt.Sprint(came) {
		t.Error("the other direction is not different")
	}
	if c.Passed+c.Lost+c.Late != n || uint64(len(came)) != n-c.Lost+c.Doubled {
		t.Errorf("%d came, counted %+v", len(came), c)
	}
	for name, share := range map[string][2]float64{"lost": {float64(c.Lost), bad.Lose}, "late": {float64(c.Late), bad.Late}, "doubled": {float64(c.Doubled), bad.Double}} {
		if got := share[0] / n; got < share[1]*0.9 || got > share[1]*1.1 {
			t.Errorf("%s: a share of %.3f, want %.3f", name, got, share[1])
		}
	}
	overtaken, highest := 0, uint32(0)
	for _, i := range came {
		if i < highest {
			overtaken++
		}
		highest = max(highest, i)
	}
	if want := c.Late + c.Doubled; uint64(overtaken) < want*9/10 {
		t.Errorf("%d of %d late ones were overtaken", overtaken, want)
	}
}

// A line that rests gives out what it holds, and ends with what is under way.
func TestARestingLineHoldsNothing(t *testing.T) {
	server, client := loopback(t), loopback(t)
	r := start(t, server, Faults{Late: 1})
	for i := range 10 {
		_, err := client.WriteToUDPAddrPort([]byte{byte(i)}, address(r.listen))
		must(t, err)
	}
	must(t, server.SetReadDeadline(time.Now().Add(20*time.Second)))
	for range 10 {
		_, _, err := server.ReadFromUDPAddrPort(make([]byte, 10))
		must(t, err)
	}
	if up, _ := r.Counts(); up.Late != 10 {
		t.Errorf("counted %+v", up)
	}
}

// got is what the far end of a wire got.
type got struct {
	times map[uint64]int
	wrong int
}

const (
	room = 64 // before and behind a packet
	size = 1200
)

// number makes b an IPv4 packet of that number.
func number(b []byte, n uint64) {
	p := b[room:]
	clear(p)
	p[0], p[8], p[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	binary.BigEndian.PutUint64(p[20:], n)
	for i := 28; i < len(p); i++ {
		p[i] = byte(n) + byte(i)
	}
}

func numberOf(p []byte) (n uint64, ok bool) {
	if len(p) != size {
		return 0, false
	}
	n = binary.BigEndian.Uint64(p[20:])
	for i := 28; i < len(p); i++ {
		if p[i] != byte(n)+byte(i) {
			return 0, false
		}
	}
	return n, true
}

// pour sends packets 0 to n-1 and waits after each batch until the relay has had it:
// so no buffer overflows, and nothing is lost but by the relay.
func pour(t testing.TB, from dataplane.Datagram, n int, passed func() uint64) {
	before := passed()
	bufs := make([][]byte, 32)
	for sent := 0; sent < n; sent += len(bufs) {
		for i := range bufs {
			bufs[i] = make([]byte, room+size, room+size+room)
			number(bufs[i], uint64(sent+i))
		}
		must(t, from.Send(bufs, room))
		eventually(t, "the relay has had all", func() bool { return passed()-before >= uint64(sent+len(bufs)) })
	}
}

// collect reads until the wire is closed.
func collect(to dataplane.Datagram, each func(p []byte)) error {
	bufs, sizes := make([][]byte, to.BatchSize()), make([]int, to.BatchSize())
	for i := range bufs {
		bufs[i] = make([]byte, room+2048)
	}
	for {
		n, err := to.Recv(bufs, sizes, room)
		for i := range n {
			each(bufs[i][room:][:sizes[i]])
		}
		if errors.Is(err, net.ErrClosed) || errors.Is(err, os.ErrClosed) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// through sends n packets over the relay and wants each that was not lost to arrive
// once, whole. second says that the second copies were all seen too.
func through(t *testing.T, from, to dataplane.Datagram, n int, counts func() Counts, second func() bool) {
	t.Helper()
	start := counts()
	g := got{times: map[uint64]int{}}
	arrived, ended := make(chan int, n), make(chan error, 1)
	go func() {
		ended <- collect(to, func(p []byte) {
			i, ok := numberOf(p)
			if !ok {
				g.wrong++
				return
			}
			if g.times[i]++; g.times[i] == 1 {
				arrived <- len(g.times)
			}
		})
	}()
	pour(t, from, n, func() uint64 { c := counts(); return c.Passed + c.Lost + c.Late })
	lost := int(counts().Lost - start.Lost)
	patience := time.After(20 * time.Second)
	for have := 0; have < n-lost; {
		select {
		case have = <-arrived:
		case <-patience:
			t.Fatalf("%d of %d packets came, %d were lost on the line", have, n, lost)
		}
	}
	eventually(t, "the second copies came", second)
	must(t, to.Close())
	must(t, <-ended)
	for i, times := range g.times {
		if times != 1 {
			t.Errorf("packet %d came %d times", i, times)
		}
	}
	if g.wrong > 0 || len(g.times) != n-lost {
		t.Errorf("%d packets came, %d wrong ones; want %d", len(g.times), g.wrong, n-lost)
	}
	t.Logf("%d packets: %+v", n, counts())
}

// loopback is a socket with a large buffer.
func loopback(t testing.TB) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	must(t, c.SetReadBuffer(4<<20))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// start is a relay to server.
func start(t testing.TB, server *net.UDPConn, f Faults) *Relay {
	t.Helper()
	r := New(loopback(t), func() (*net.UDPConn, error) {
		c, err := net.DialUDP("udp", nil, server.LocalAddr().(*net.UDPAddr))
		if err == nil {
			err = c.SetReadBuffer(4 << 20)
		}
		return c, err
	}, f)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}
