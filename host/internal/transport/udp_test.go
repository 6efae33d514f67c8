package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
)

const headroom = 64

// peer is a plain UDP socket on loopback.
func peer(t testing.TB) (*net.UDPConn, int) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	must(t, conn.SetReadBuffer(4<<20))
	t.Cleanup(func() { _ = conn.Close() })
	return conn, conn.LocalAddr().(*net.UDPAddr).Port
}

func openUDP(t testing.TB, port int) *Packets {
	t.Helper()
	p, err := New(Config{Resolver: loopback}).OpenUDP(t.Context(), "vpn.test", port)
	must(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// frames makes packets of these sizes with headroom and tailroom.
func frames(sizes ...int) (bufs [][]byte) {
	for i, n := range sizes {
		b := make([]byte, headroom+n, headroom+n+64)
		for j := range n {
			b[headroom+j] = byte(i + j)
		}
		bufs = append(bufs, b)
	}
	return bufs
}

func repeatSize(n, size int) (sizes []int) {
	for range n {
		sizes = append(sizes, size)
	}
	return sizes
}

// wantDatagrams reads them from conn, in order.
func wantDatagrams(t *testing.T, conn *net.UDPConn, bufs [][]byte) {
	t.Helper()
	must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	p := make([]byte, maxDatagram)
	for i, b := range bufs {
		n, err := conn.Read(p)
		must(t, err)
		if !bytes.Equal(p[:n], b[headroom:]) {
			t.Fatalf("datagram %d: got %d bytes, want %d", i, n, len(b)-headroom)
		}
	}
}

// TestSendBatches: all ways of sending give the same datagrams.
func TestSendBatches(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	batches := map[string][]int{
		"one":            {1400},
		"a run":          repeatSize(45, 1400),
		"a short last":   append(repeatSize(10, 1400), 7),
		"short and long": append(append(repeatSize(3, 100), 1400, 1400), repeatSize(3, 50)...),
		"over a batch":   repeatSize(300, 900),
		"an empty one":   {10, 0, 10, 10},
		"large":          repeatSize(4, 30000),
	}
	var mixed []int
	for range 100 {
		mixed = append(mixed, 1+r.IntN(5)*r.IntN(400))
	}
	batches["mixed"] = mixed
	ways := map[string]func(*sender){
		"segments": func(s *sender) {
			if s.noSegment {
				t.Error("this kernel has no UDP_SEGMENT")
			}
		},
		"sendmmsg": func(s *sender) { s.noSegment = true },
		"sendmsg":  func(s *sender) { s.noSegment, s.single = true, true },
	}
	for way, set := range ways {
		for name, sizes := range batches {
			t.Run(way+" "+name, func(t *testing.T) {
				far, port := peer(t)
				wire := openUDP(t, port).Wire()
				set(wire.(*packetWire).tx)
				bufs := frames(sizes...)
				must(t, wire.Send(bufs, headroom))
				wantDatagrams(t, far, bufs)
			})
		}
	}
}

// TestSegmentsSaveMessages: a run of one size leaves as one message.
func TestSegmentsSaveMessages(t *testing.T) {
	_, port := peer(t)
	tx := openUDP(t, port).Wire().(*packetWire).tx
	must(t, tx.send(frames(append(repeatSize(44, 1400), 9)...), headroom, nil))
	if tx.end != 1 || tx.groups[0].count != 45 {
		t.Errorf("%d messages, the first with %d datagrams", tx.end, tx.groups[0].count)
	}
}

// TestNoOffload: nothing is joined on the way out or in.
func TestNoOffload(t *testing.T) {
	far, port := peer(t)
	p, err := New(Config{Resolver: loopback, NoOffload: true}).OpenUDP(t.Context(), "vpn.test", port)
	must(t, err)
	defer func() { _ = p.Close() }()
	wire := p.Wire().(*packetWire)
	bufs := frames(repeatSize(10, 1000)...)
	must(t, wire.Send(bufs, headroom))
	if wire.tx.end != 10 {
		t.Errorf("%d messages for 10 datagrams", wire.tx.end)
	}
	must(t, senderTo(t, far, p).send(bufs, headroom, nil))
	if got := receiveAll(t, wire, 10, batchSize); len(got) != 10 || wire.rx.segment != 1000 || wire.rx.msgs[0].n != 1000 {
		t.Errorf("%d datagrams, the first message of %d bytes", len(got), wire.rx.msgs[0].n)
	}
}

// TestOversize: what is too large is reported, the rest is sent, and segmentation stays on.
func TestOversize(t *testing.T) {
	far, port := peer(t)
	p := openUDP(t, port)
	for _, sizes := range [][]int{{100, maxDatagram, 200}, {maxDatagram}} {
		bufs := frames(sizes...)
		wire := p.Wire()
		err := wire.Send(bufs, headroom)
		if !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("got %v", err)
		}
		if len(bufs) > 1 {
			wantDatagrams(t, far, [][]byte{bufs[0], bufs[2]})
		}
	}
}

// TestSegmentsAreTakenApart: a refusal of segments costs nothing, and switches them off.
func TestSegmentsAreTakenApart(t *testing.T) {
	far, port := peer(t)
	p := openUDP(t, port)
	tx := p.Wire().(*packetWire).tx
	// With UDP checksums off the kernel refuses UDP_SEGMENT with EINVAL or EIO.
	control(p.conn, func(fd int) { must(t, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_NO_CHECK, 1)) })
	bufs := frames(repeatSize(20, 1000)...)
	for range 2 {
		must(t, tx.send(bufs, headroom, nil))
		wantDatagrams(t, far, bufs)
		if !tx.noSegment {
			t.Error("segments are still tried")
		}
	}
}

// TestNobodyListens: refusals by ICMP are no errors.
func TestNobodyListens(t *testing.T) {
	far, port := peer(t)
	must(t, far.Close())
	wire := openUDP(t, port).Wire()
	for range 5 {
		must(t, wire.Send(frames(repeatSize(3, 100)...), headroom))
	}
	received := make(chan error, 1)
	go func() {
		_, err := wire.Recv(frames(2000), make([]int, 1), headroom)
		received <- err
	}()
	must(t, wire.Send(frames(100), headroom))
	must(t, wire.Close())
	if err := <-received; !errors.Is(err, net.ErrClosed) {
		t.Errorf("Recv: %v", err)
	}
	if err := wire.Send(frames(100), headroom); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Send: %v", err)
	}
}

// receiveAll reads n datagrams in Recvs of room each.
func receiveAll(t *testing.T, wire dataplane.Datagram, n, room int) (got [][]byte) {
	t.Helper()
	bufs, sizes := frames(repeatSize(room, 3000)...), make([]int, room)
	for len(got) < n {
		m, err := wire.Recv(bufs, sizes, headroom)
		must(t, err)
		if m == 0 {
			t.Fatal("Recv returned nothing")
		}
		for i := range m {
			got = append(got, bytes.Clone(bufs[i][headroom:headroom+sizes[i]]))
		}
	}
	return got
}

// TestReceiveBatches: joined datagrams (UDP_GRO), many at once, one at a time.
func TestReceiveBatches(t *testing.T) {
	sizes := append(append(repeatSize(30, 1400), 33), repeatSize(50, 700)...)
	for way, set := range map[string]func(*receiver){
		"recvmmsg": func(*receiver) {},
		"recvmsg":  func(r *receiver) { r.single = true },
	} {
		for _, room := range []int{1, 7, batchSize} {
			t.Run(way+" "+itoa(room), func(t *testing.T) {
				far, port := peer(t)
				p := openUDP(t, port)
				wire := p.Wire()
				set(wire.(*packetWire).rx)
				bufs := frames(sizes...)
				back := senderTo(t, far, p)
				must(t, back.send(bufs, headroom, nil))
				for i, got := range receiveAll(t, wire, len(bufs), room) {
					if !bytes.Equal(got, bufs[i][headroom:]) {
						t.Fatalf("datagram %d: got %d bytes", i, len(got))
					}
				}
			})
		}
	}
}

// senderTo makes far a connected socket that sends batches back to p.
func senderTo(t *testing.T, far *net.UDPConn, p *Packets) *sender {
	t.Helper()
	to := p.Info().Local
	control(far, func(fd int) {
		must(t, unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}))
	})
	return newSender(far, true)
}

func TestReceiveDropsWhatDoesNotFit(t *testing.T) {
	far, port := peer(t)
	p := openUDP(t, port)
	wire := p.Wire()
	must(t, senderTo(t, far, p).send(frames(5000, 10), headroom, nil))
	if got := receiveAll(t, wire, 1, 1); len(got[0]) != 10 {
		t.Errorf("got %d bytes", len(got[0]))
	}
}

func TestControlDataOfGarbage(t *testing.T) {
	for _, b := range [][]byte{nil, make([]byte, 15), make([]byte, 64), bytes.Repeat([]byte{0xff}, 64)} {
		if a := parseControl(b); a != (arrival{}) {
			t.Errorf("% x: %+v", b, a)
		}
	}
}

func TestUDPWireDoesNotAllocate(t *testing.T) {
	far, port := peer(t)
	p := openUDP(t, port)
	wire, back := p.Wire(), senderTo(t, far, p)
	bufs, sizes := frames(repeatSize(32, 1400)...), make([]int, 32)
	if n := testing.AllocsPerRun(50, func() {
		must(t, wire.Send(bufs, headroom))
		must(t, back.send(bufs, headroom, nil))
		for got := 0; got < len(bufs); {
			m, err := wire.Recv(bufs, sizes, headroom)
			must(t, err)
			got += m
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestUDPInfo(t *testing.T) {
	_, port := peer(t)
	info := openUDP(t, port).Info()
	want := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
	if info.Kind != "udp" || info.Remote != want || info.Overhead != 28 || info.PathMTU < 1000 {
		t.Errorf("got %+v", info)
	}
}

// TestUDPPlaintext: datagrams keep their borders, through the plugin's life and the wire's.
func TestUDPPlaintext(t *testing.T) {
	far, port := peer(t)
	p := openUDP(t, port)
	plugin := plaintext(t, p)
	for _, text := range []string{"one", "three"} {
		_, err := plugin.Write([]byte(text))
		must(t, err)
		buf := make([]byte, 100)
		n, from, err := far.ReadFromUDPAddrPort(buf)
		if err != nil || string(buf[:n]) != text {
			t.Fatalf("got %q, %v", buf[:n], err)
		}
		_, err = far.WriteToUDPAddrPort([]byte("re: "+text), from)
		must(t, err)
		n, err = plugin.Read(buf)
		if err != nil || string(buf[:n]) != "re: "+text {
			t.Fatalf("got %q, %v", buf[:n], err)
		}
	}
	must(t, plugin.CloseWrite())
	must(t, p.Drain(t.Context()))
	if _, err := plugin.Read(make([]byte, 10)); err != io.EOF {
		t.Errorf("after Drain: %v", err)
	}
	wire, bufs := p.Wire(), frames(10, 20)
	must(t, wire.Send(bufs, headroom))
	wantDatagrams(t, far, bufs)
	must(t, senderTo(t, far, p).send(bufs, headroom, nil))
	if got := receiveAll(t, wire, 2, 8); len(got[0]) != 10 || len(got[1]) != 20 {
		t.Errorf("got %d and %d bytes", len(got[0]), len(got[1]))
	}
}

// BenchmarkUDPSend is a batch of 45 datagrams in the three ways.
func BenchmarkUDPSend(b *testing.B) {
	for way, set := range map[string]func(*sender){
		"segments": func(*sender) {},
		"sendmmsg": func(s *sender) { s.noSegment = true },
		"sendmsg":  func(s *sender) { s.noSegment, s.single = true, true },
	} {
		b.Run(way, func(b *testing.B) {
			_, port := peer(b)
			tx := openUDP(b, port).Wire().(*packetWire).tx
			set(tx)
			bufs := frames(repeatSize(45, 1400)...)
			b.SetBytes(45 * 1400)
			b.ReportAllocs()
			for b.Loop() {
				must(b, tx.send(bufs, headroom, nil))
			}
		})
	}
}
