package dataplane

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/frame/gre"
	"github.com/penstock-vpn/penstock/host/internal/frame/mppe"
	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// pipe is a Datagram whose other end is another one.
type pipe struct {
	in, out  chan []byte
	deadline time.Time // of the one goroutine that receives
	// change says what becomes of a datagram on its way; nil: it arrives.
	change func([]byte) [][]byte
}

func newPipes() (*pipe, *pipe) {
	a, b := make(chan []byte, 4096), make(chan []byte, 4096)
	return &pipe{in: a, out: b}, &pipe{in: b, out: a}
}

func (p *pipe) Send(bufs [][]byte, offset int) error {
	for _, b := range bufs {
		all := [][]byte{bytes.Clone(b[offset:])}
		if p.change != nil {
			all = p.change(all[0])
		}
		for _, d := range all {
			p.out <- d
		}
	}
	return nil
}

func (p *pipe) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	var late <-chan time.Time
	if !p.deadline.IsZero() {
		t := time.NewTimer(time.Until(p.deadline))
		defer t.Stop()
		late = t.C
	}
	select {
	case b, ok := <-p.in:
		if !ok {
			return 0, io.EOF
		}
		sizes[0] = copy(bufs[0][offset:], b)
		for n := 1; n < len(bufs); n++ {
			select {
			case b, ok = <-p.in:
				if !ok {
					return n, nil
				}
				sizes[n] = copy(bufs[n][offset:], b)
			default:
				return n, nil
			}
		}
		return len(bufs), nil
	case <-late:
		return 0, os.ErrDeadlineExceeded
	}
}

func (p *pipe) SetReadDeadline(t time.Time) error {
	p.deadline = t
	return nil
}

func (*pipe) BatchSize() int { return 64 }
func (p *pipe) Close() error { return nil }

// ends are two calls on one line. What they have to say besides goes at once.
func ends(t testing.TB, m *MPPE) (client, server *call, wires [2]*pipe) {
	t.Helper()
	a, b := newPipes()
	o := GRE{Call: 7, OwnCall: 9, Next: 100, Received: 0xfffffff0}
	client = newCall(a, o)
	server = newCall(b, GRE{Call: 9, OwnCall: 7, Next: 0xfffffff1, Received: 99})
	for _, c := range []*call{client, server} {
		c.say = speech{
			ack: func() { _ = c.sendAck() },
			ask: func() { sendFrame(t, c, 0x80fd, []byte{resetAsk, 1, 0, 4}) },
			reset: func(id byte) {
				sendFrame(t, c, 0x80fd, []byte{resetAnswer, id, 0, 4})
				_ = c.beginAnew()
			},
		}
		if m != nil {
			if err := c.encrypt(*m); err != nil {
				t.Fatal(err)
			}
			m = &MPPE{Send: m.Receive, Receive: m.Send}
		}
	}
	return client, server, [2]*pipe{a, b}
}

func encrypting(stateless bool) *MPPE {
	return &MPPE{
		Send:    mppe.Config{Key: []byte("0123456789abcdef"), Bits: 128, Stateless: stateless},
		Receive: mppe.Config{Key: []byte("fedcba9876543210"), Bits: 128, Stateless: stateless},
	}
}

const frameOffset = packet.Headroom - 4

// pppFrame is a buffer with a frame at frameOffset.
func pppFrame(protocol uint16, payload []byte) []byte {
	b := make([]byte, packet.Headroom, packet.Headroom+len(payload)+packet.Tailroom)
	b[frameOffset], b[frameOffset+1] = 0xff, 0x03
	binary.BigEndian.PutUint16(b[frameOffset+2:], protocol)
	return append(b, payload...)
}

func sendFrame(t testing.TB, c *call, protocol uint16, payload []byte) {
	t.Helper()
	if err := c.Send([][]byte{pppFrame(protocol, payload)}, frameOffset); err != nil {
		t.Fatal(err)
	}
}

// received are the numbers of the packets that come until the line is closed.
func received(t testing.TB, c *call) (numbers []uint64) {
	t.Helper()
	bufs, sizes := packet.NewBuffers(16), make([]int, 16)
	for {
		n, err := c.Recv(bufs, sizes, packet.Headroom)
		if err == io.EOF {
			return numbers
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			b := bufs[i][packet.Headroom:][:sizes[i]]
			if b[0] == 0xff {
				b = b[2:]
			}
			if b[1] != 0x21 || packet.Len(b[2:]) != len(b)-2 {
				t.Fatalf("a frame %x", b)
			}
			numbers = append(numbers, numberOf(b[2:]))
		}
	}
}

func inOrder(numbers []uint64) bool {
	for i := 1; i < len(numbers); i++ {
		if numbers[i] <= numbers[i-1] {
			return false
		}
	}
	return true
}

// Packets come, in order, over lines that lose, double and reorder.
func TestCallOverBadLines(t *testing.T) {
	for name, test := range map[string]struct {
		mppe    *MPPE
		loss    int // percent
		reorder int
		atLeast int
		packets int
	}{
		"in the clear":        {packets: 1000, atLeast: 1000},
		"stateless":           {mppe: encrypting(true), packets: 5000, atLeast: 5000},
		"stateful":            {mppe: encrypting(false), packets: 5000, atLeast: 5000},
		"reordered":           {mppe: encrypting(true), packets: 2000, reorder: 20, atLeast: 1900},
		"lossy":               {mppe: encrypting(true), packets: 2000, loss: 5, atLeast: 1800},
		"lossy, in bursts":    {mppe: encrypting(true), packets: 2000, loss: 5, reorder: 20, atLeast: 1800},
		"lossy, stateful":     {mppe: encrypting(false), packets: 5000, loss: 1, atLeast: 500},
		"reordered, stateful": {mppe: encrypting(false), packets: 2000, reorder: 20, atLeast: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client, server, wires := ends(t, test.mppe)
				wires[0].change = badLine(test.loss, test.reorder)
				var got []uint64
				done := make(chan struct{})
				go func() {
					defer close(done)
					got = received(t, server)
				}()
				back := make(chan struct{})
				go func() {
					defer close(back)
					received(t, client)
				}()
				for n := range test.packets {
					sendFrame(t, client, 0x0021, numbered(uint64(n+1), 100+n%1200))
					if n%64 == 63 {
						<-time.After(50 * time.Millisecond)
					}
				}
				<-time.After(time.Second)
				close(wires[0].out)
				<-done
				close(wires[1].out)
				<-back
				if !inOrder(got) || len(got) < test.atLeast {
					t.Errorf("%d of %d came, in order: %v", len(got), test.packets, inOrder(got))
				}
			})
		})
	}
}

// badLine loses some, and holds some back until others have passed.
func badLine(loss, reorder int) func([]byte) [][]byte {
	r := rand.New(rand.NewPCG(1, 2))
	var late [][]byte
	return func(b []byte) (out [][]byte) {
		switch {
		case r.IntN(100) < loss:
		case r.IntN(100) < reorder:
			late = append(late, b)
		default:
			out = append(out, b)
			if r.IntN(8) == 0 {
				out = append(out, b) // twice
			}
		}
		if len(late) > 3 || r.IntN(4) == 0 {
			out = append(out, late...)
			late = nil
		}
		return out
	}
}

// Nothing goes in the clear once there was talk of encryption, and nothing comes.
func TestCallRefusesTheClear(t *testing.T) {
	client, server, wires := ends(t, nil)
	if err := server.encrypt(MPPE{}); err != nil {
		t.Fatal(err)
	}
	sendFrame(t, server, 0x0021, numbered(1, 100))
	sendFrame(t, server, 0xc021, []byte{9, 1, 0, 8, 0, 0, 0, 0})
	if d := <-wires[0].in; bytes.Contains(d, numbered(1, 100)[:20]) || len(d) != gre.Size+4+8 {
		t.Errorf("%x was sent", d)
	}
	if err := server.encrypt(*encrypting(true)); err != nil {
		t.Fatal(err)
	}
	sendFrame(t, client, 0x0021, numbered(2, 100))
	sendFrame(t, client, 0x8021, []byte{1, 1, 0, 4})
	bufs, sizes := packet.NewBuffers(4), make([]int, 4)
	n, err := server.Recv(bufs, sizes, packet.Headroom)
	if err != nil || n != 1 || !bytes.HasSuffix(bufs[0][packet.Headroom:packet.Headroom+sizes[0]], []byte{0x80, 0x21, 1, 1, 0, 4}) {
		t.Errorf("%d frames, %v", n, err)
	}
}

// A peer with other keys ends the path.
func TestCallWithOtherKeys(t *testing.T) {
	client, server, _ := ends(t, encrypting(true))
	other := encrypting(true)
	if err := client.encrypt(MPPE{Send: other.Receive, Receive: other.Receive}); err != nil {
		t.Fatal(err)
	}
	for n := range maxGarbled + 1 {
		sendFrame(t, client, 0x0021, numbered(uint64(n), 100))
	}
	bufs, sizes := packet.NewBuffers(4), make([]int, 4)
	if n, err := server.Recv(bufs, sizes, packet.Headroom); err != errKeys {
		t.Errorf("%d frames, %v", n, err)
	}
}

// What comes is acknowledged, even when nothing is sent.
func TestCallAcknowledges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server, wires := ends(t, encrypting(true))
		sendFrame(t, client, 0x0021, numbered(1, 100))
		go func() { received(t, server) }()
		start := time.Now()
		p, ok := gre.Parse(<-wires[0].in)
		if !ok || !p.HasAck || p.HasSequence || p.Ack != 100 || p.Call != 9 {
			t.Errorf("%+v", p)
		}
		if took := time.Since(start); took != ackAfter {
			t.Errorf("after %v", took)
		}
		start = time.Now()
		for n := range uint64(3 * ackEvery) {
			sendFrame(t, client, 0x0021, numbered(n, 100))
		}
		if p, ok = gre.Parse(<-wires[0].in); !ok || p.Ack <= 100 || time.Since(start) > 0 {
			t.Errorf("%+v after %v", p, time.Since(start))
		}
		close(wires[0].out)
		synctest.Wait()
	})
}

// Strangers' calls are not ours.
func TestCallOfOthers(t *testing.T) {
	_, server, wires := ends(t, nil)
	for _, b := range [][]byte{nil, {1}, make([]byte, 100), foreign(8), foreign(7)} {
		wires[0].out <- b
	}
	bufs, sizes := packet.NewBuffers(4), make([]int, 4)
	if n, err := server.Recv(bufs, sizes, packet.Headroom); n != 1 || err != nil {
		t.Errorf("%d frames, %v", n, err)
	}
}

func foreign(call uint16) []byte {
	b := make([]byte, gre.Size, 100)
	f := []byte{0xff, 0x03, 0xc0, 0x21, 9, 1, 0, 8, 1, 2, 3, 4}
	gre.Put(b, call, len(f), 100, 0)
	return append(b, f...)
}

func TestCallAllocatesNothing(t *testing.T) {
	client, server, wires := ends(t, encrypting(true))
	straight := make([]byte, 2048)
	size := 0
	client.raw = sink{func(b []byte) { size = copy(straight, b) }}
	server.raw = source{wires[1], func(b []byte) int { return copy(b, straight[:size]) }}
	server.deadline = nil
	server.say.ack = func() { server.acked.Store(server.received.Load()) }
	frame := pppFrame(0x0021, numbered(1, 1300))
	whole := bytes.Clone(frame)
	one := [][]byte{frame}
	bufs, sizes := packet.NewBuffers(1), make([]int, 1)
	allocs := testing.AllocsPerRun(200, func() {
		copy(frame, whole)
		if err := client.Send(one, frameOffset); err != nil {
			t.Fatal(err)
		}
		if n, err := server.Recv(bufs, sizes, packet.Headroom); n != 1 || err != nil {
			t.Fatal(n, err)
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations a packet", allocs)
	}
}

// sink and source are wires without a queue.
type sink struct{ take func([]byte) }

func (s sink) Send(bufs [][]byte, offset int) error {
	for _, b := range bufs {
		s.take(b[offset:])
	}
	return nil
}
func (sink) Recv([][]byte, []int, int) (int, error) { return 0, io.EOF }
func (sink) BatchSize() int                         { return 1 }
func (sink) Close() error                           { return nil }

type source struct {
	*pipe
	give func([]byte) int
}

func (s source) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	sizes[0] = s.give(bufs[0][offset:])
	return 1, nil
}

// Whatever a stranger sends, the packets of the peer come after it.
func FuzzCall(f *testing.F) {
	f.Add(foreign(7))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, server, wires := ends(t, encrypting(true))
		wires[0].out <- b
		close(wires[0].out)
		bufs, sizes := packet.NewBuffers(2), make([]int, 2)
		for {
			n, err := server.Recv(bufs, sizes, packet.Headroom)
			if err != nil {
				return
			}
			for i := range n {
				if sizes[i] <= 0 || sizes[i] > len(b) {
					t.Fatal(fmt.Sprint("a frame of ", sizes[i]))
				}
			}
		}
	})
}
