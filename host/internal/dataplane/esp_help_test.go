package dataplane

import (
	"bytes"
	"net"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// fakeSocket is a UDP socket that records what it sends.
type fakeSocket struct {
	wireEnd
	batch   [][]byte
	carries atomic.Int64 // largest datagram, 0: any
	pathMTU atomic.Int64
}

func (s *fakeSocket) Send(bufs [][]byte, offset int) error {
	if err := s.pass(); err != nil {
		return err
	}
	var tooBig error
	for _, b := range bufs {
		if limit := int(s.carries.Load()); limit > 0 && len(b)-offset > limit {
			tooBig = &net.OpError{Op: "write", Err: syscall.EMSGSIZE}
			continue
		}
		s.sent.add(b[offset:])
	}
	return tooBig
}

func (s *fakeSocket) Fill() error {
	b, err := s.next()
	for err == nil {
		s.batch = append(s.batch, b)
		if len(s.fromGW) == 0 {
			return nil
		}
		b, err = s.next()
	}
	return err
}

func (s *fakeSocket) Next() ([]byte, bool) {
	if len(s.batch) == 0 {
		return nil, false
	}
	b := s.batch[0]
	s.batch = s.batch[1:]
	return b, true
}

func (s *fakeSocket) PathMTU() int { return int(s.pathMTU.Load()) }

// keyed is an SA whose keys follow from its SPI.
func keyed(spi esp.SPI, suite string, outbound bool) SA {
	s := esp.SuiteNamed(suite)
	sa := esp.SA{SPI: spi, Suite: s}
	if s != nil {
		sa.Key = bytes.Repeat([]byte{byte(spi)}, s.KeySize)
		sa.AuthKey = bytes.Repeat([]byte{byte(spi >> 8)}, s.AuthKeySize)
	}
	return SA{SA: sa, Outbound: outbound}
}

// SPIs of the tests: the gateway's for what leaves, ours for what comes.
const up, down esp.SPI = 0x1001, 0x1002

func keys(suite string) []SA { return []SA{keyed(up, suite, true), keyed(down, suite, false)} }

// gatewayEnd is the far end of a path of ESP.
type gatewayEnd struct {
	*fakeSocket
	t   *testing.T
	out *esp.Outbound
	in  []*esp.Inbound
}

// esp adds a path, with the overhead of IPv4 and UDP.
func (r *rig) esp(id uint32, o ESP, rules framing.Rules) *gatewayEnd {
	r.t.Helper()
	g := &gatewayEnd{fakeSocket: &fakeSocket{wireEnd: newWireEnd(r.sent)}, t: r.t}
	for _, sa := range o.SAs {
		g.install(sa)
	}
	if err := r.AddESP(id, g.fakeSocket, o, framing.Spec{Rules: rules}, 0, 0, 28); err != nil {
		r.t.Fatal(err)
	}
	synctest.Wait()
	return g
}

// install is the gateway's half of an SA, without its limits.
func (g *gatewayEnd) install(sa SA) {
	g.t.Helper()
	var err error
	sa.Limits = esp.Limits{}
	if sa.Outbound {
		var in *esp.Inbound
		in, err = sa.Inbound()
		g.in = append(g.in, in)
	} else {
		g.out, err = sa.SA.Outbound()
	}
	if err != nil {
		g.t.Fatal(err)
	}
}

func (g *gatewayEnd) seal(p []byte) []byte {
	g.t.Helper()
	b := append(make([]byte, packet.Headroom, packet.Headroom+len(p)+packet.Tailroom), p...)
	sealed, err := g.out.Seal(b, packet.Headroom, 4)
	if err != nil {
		g.t.Fatal(err)
	}
	return bytes.Clone(sealed)
}

func (g *gatewayEnd) sends(packets ...[]byte) {
	g.t.Helper()
	for _, p := range packets {
		g.fromGW <- g.seal(p)
	}
}

// open returns the packet in a datagram; nil when no SA opens it.
func (g *gatewayEnd) open(datagram []byte) []byte {
	for _, in := range g.in {
		dst := make([]byte, len(datagram))
		if n, _, v := in.Open(dst, datagram); v == esp.Good {
			return dst[:n]
		}
	}
	return nil
}

// gets returns the packets, and what is none, that reached the gateway since it was asked last.
func (g *gatewayEnd) gets() (packets, others [][]byte) {
	synctest.Wait()
	datagrams, _ := g.sent.take()
	for _, d := range datagrams {
		if p := g.open(d); p != nil {
			packets = append(packets, p)
		} else {
			others = append(others, d)
		}
	}
	return packets, others
}

// probe asks for an echo, and answer is one.
var (
	probe  = numbered(1, 28)
	answer = numbered(2, 28)
)

func probing() framing.Rules {
	return framing.Rules{
		Dpd:   framing.Dpd{After: 10 * time.Second, Retry: 5 * time.Second, Dead: 15 * time.Second},
		Probe: framing.Probe{Packet: probe, Answer: []framing.Match{{Offset: 9, Value: answer[9:10]}, {Offset: 20, Value: answer[20:]}}},
	}
}
