package dataplane_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// serverSocket is the gateway's UDP socket, which answers who spoke last.
type serverSocket struct {
	conn *net.UDPConn
	to   netip.AddrPort
	buf  []byte
	got  []byte
}

func (s *serverSocket) Send(bufs [][]byte, offset int) error {
	for _, b := range bufs {
		if _, err := s.conn.WriteToUDPAddrPort(b[offset:], s.to); err != nil {
			return err
		}
	}
	return nil
}

func (s *serverSocket) Fill() error {
	n, from, err := s.conn.ReadFromUDPAddrPort(s.buf)
	s.got, s.to = s.buf[:n], from
	return err
}

func (s *serverSocket) Next() ([]byte, bool) {
	b := s.got
	s.got = nil
	return b, b != nil
}

func (s *serverSocket) Close() error { return s.conn.Close() }

type loopback struct{}

func (loopback) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}, nil
}

// tunnel is a plane whose path leads to a gateway over loopback:
//
//	kernel == device -- plane -- esp.Wire == UDP == esp.Wire -- echo
type tunnel struct {
	t       *testing.T
	plane   *dataplane.Plane
	kernel  *tun.Channel
	gateway *esp.Wire
}

func newTunnel(t *testing.T, suite string) *tunnel {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	d := transport.New(transport.Config{Resolver: loopback{}})
	p, err := d.OpenUDP(t.Context(), "vpn.test", conn.LocalAddr().(*net.UDPAddr).Port)
	must(t, err)
	device, kernel := tun.NewChannel("test0", 1400)
	u := &tunnel{t: t, plane: dataplane.New(device, dataplane.Options{MTU: 1400}), kernel: kernel}
	u.gateway = esp.NewWire(&serverSocket{conn: conn, buf: make([]byte, 1<<16)}, esp.Handler{})
	t.Cleanup(func() {
		must(t, u.plane.Close())
		must(t, u.gateway.Close())
	})
	u.install(key(suite, 1, true), key(suite, 1, false))
	must(t, u.plane.AddESP(1, p.ESP(), dataplane.ESP{SAs: []dataplane.SA{key(suite, 1, true), key(suite, 1, false)}},
		framing.Spec{}, 0, 0, p.Info().Overhead))
	go u.echo()
	return u
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// key is the n-th SA of its direction.
func key(suite string, n int, outbound bool) dataplane.SA {
	s := esp.SuiteNamed(suite)
	spi := esp.SPI(0x1000 + n)
	if outbound {
		spi += 0x10000
	}
	return dataplane.SA{Outbound: outbound, SA: esp.SA{
		SPI: spi, Suite: s, ESN: n%2 == 0,
		Key: bytes.Repeat([]byte{byte(spi), byte(spi >> 16)}, s.KeySize)[:s.KeySize], AuthKey: bytes.Repeat([]byte{byte(n)}, s.AuthKeySize),
	}}
}

// install is the gateway's half.
func (u *tunnel) install(sas ...dataplane.SA) {
	u.t.Helper()
	for _, sa := range sas {
		if !sa.Outbound {
			o, err := sa.SA.Outbound()
			must(u.t, err)
			u.gateway.SetOutbound(o)
			continue
		}
		in, err := sa.Inbound()
		must(u.t, err)
		must(u.t, u.gateway.AddInbound(in))
	}
}

// echo sends back what it gets, until the gateway is closed.
func (u *tunnel) echo() {
	bufs := packet.NewBuffers(u.gateway.BatchSize())
	sizes := make([]int, len(bufs))
	for {
		n, err := u.gateway.Recv(bufs, sizes, packet.Headroom)
		if err != nil {
			return
		}
		back := make([][]byte, n)
		for i := range n {
			back[i] = bufs[i][:packet.Headroom+sizes[i]]
		}
		if u.gateway.Send(back, packet.Headroom) != nil {
			return
		}
	}
}

// numbered is an IPv4 packet that carries n.
func numbered(n, size int) []byte {
	p := make([]byte, size)
	p[0], p[8], p[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(p[2:], uint16(size))
	binary.BigEndian.PutUint64(p[20:], uint64(n))
	return p
}

// TestRekeysUnderTrafficLoseNothing has a window of packets on the way while the SAs of
// both directions, their suites too, are replaced make-before-break.
func TestRekeysUnderTrafficLoseNothing(t *testing.T) {
	const packets, window, rekeys = 6000, 64, 30
	suites := []string{"aes128-sha1", "aes256gcm16", "aes256-sha512", "chacha20poly1305"}
	u := newTunnel(t, suites[1])
	inFlight := make(chan struct{}, window)
	done := make(chan struct{})
	go func() { // the device's reader
		defer close(done)
		buf, size := [][]byte{make([]byte, packet.MaxSize)}, make([]int, 1)
		seen := make([]bool, packets)
		for range packets {
			if _, err := u.kernel.Read(buf, size, 0); err != nil {
				t.Error(err)
				return
			}
			n := binary.BigEndian.Uint64(buf[0][20:])
			if seen[n] || !bytes.Equal(buf[0][:size[0]], numbered(int(n), 200)) {
				t.Errorf("packet %d came twice, or changed", n)
				return
			}
			seen[n] = true
			<-inFlight
		}
	}()
	late := time.After(patience)
	for n := range packets {
		if n > 0 && n%(packets/rekeys) == 0 {
			u.rekey(1+n/(packets/rekeys), suites)
		}
		select {
		case inFlight <- struct{}{}:
		case <-late:
			t.Fatalf("a packet was lost: %d are on the way, %d were sent", window, n)
		}
		if _, err := u.kernel.Write([][]byte{numbered(n, 200)}, 0); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case <-done:
	case <-late:
		t.Fatalf("%d packets were lost", len(inFlight))
	}
	must(t, u.plane.Close()) // what it counts is counted then
	if s := u.plane.Stats(); s.RxPackets != packets || s.TxPackets != packets || s.RxDropped+s.TxDropped > 0 {
		t.Errorf("%+v", s.Counts)
	}
	for _, v := range []esp.Verdict{esp.UnknownSPI, esp.NoSA, esp.Forged, esp.Replayed, esp.Malformed, esp.Expired} {
		if n := u.gateway.Count(v); n > 0 {
			t.Errorf("%d %v at the gateway", n, v)
		}
	}
}

// rekey replaces SAs n-1 of both directions: what receives first, on both sides, and the
// old inbound ones of both go a rekey later, when nothing can be on its way any more.
func (u *tunnel) rekey(n int, suites []string) {
	u.t.Helper()
	suite := suites[n%len(suites)]
	must(u.t, u.plane.InstallSA(1, key(suite, n, false)))
	u.install(key(suite, n, true), key(suite, n, false)) // the gateway sends with the new one at once
	must(u.t, u.plane.InstallSA(1, key(suite, n, true)))
	if n > 2 {
		must(u.t, u.plane.RemoveSA(1, uint32(key(suite, n-2, false).SPI)))
		u.gateway.RemoveInbound(key(suite, n-2, true).SPI)
	}
}
