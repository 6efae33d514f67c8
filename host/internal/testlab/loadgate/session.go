package loadgate

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// The gateway's own addresses in the tunnels; clients have those after them.
const (
	ownV4 = "10.88.0.1"
	ownV6 = "fd88::1"
)

// Frame types.
const (
	typeDPD        = 3
	typeDPDReply   = 4
	typeDisconnect = 5
	typeKeepalive  = 7
	typeTerminate  = 9
)

// session is a client: what it may come back to, and its tunnel while there is one.
type session struct {
	config Config
	number int
	cookie string
	app    []byte // X-DTLS-App-ID

	mu    sync.Mutex
	key   []byte // of DTLS
	plane *dataplane.Plane
	last  uint32 // the path attached last
	udp   uint32 // the path over datagrams, 0: none

	shaking sync.Mutex // held during a DTLS handshake
}

func (s *session) v4() string { return fmt.Sprintf("10.88.0.%d", 2+s.number%250) }

func (s *session) v6() string { return fmt.Sprintf("fd88::%x", 2+s.number%250) }

// open gives the session a TUN device and a data plane. A tunnel that it still has
// ends: the client has come back.
func (s *session) open(key []byte) (*dataplane.Plane, error) {
	s.mu.Lock()
	old := s.plane
	s.mu.Unlock()
	if old != nil {
		s.close(old)
	}
	dev, err := tun.Open("vpns%d", s.config.MTU)
	if err != nil {
		return nil, err
	}
	if err := s.lead(dev.Name()); err != nil {
		dev.Close()
		return nil, err
	}
	p := dataplane.New(dev, dataplane.Options{MTU: s.config.MTU})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key, s.plane, s.last, s.udp = key, p, 0, 0
	return p, nil
}

// close ends a tunnel, which may be the session's no more.
func (s *session) close(p *dataplane.Plane) {
	s.mu.Lock()
	if s.plane == p {
		s.plane = nil
	}
	s.mu.Unlock()
	p.Close()
}

// lead makes a device lead to the client.
func (s *session) lead(device string) error {
	link, err := netlink.LinkByName(device)
	if err != nil {
		return err
	}
	return errors.Join(address(link, ownV4+"/32", s.v4()+"/32"), address(link, ownV6+"/128", s.v6()+"/128"))
}

// address gives a device an address, and a peer.
func address(link netlink.Link, own, peer string) error {
	a, err := netlink.ParseAddr(own)
	if err != nil {
		return err
	}
	if _, a.Peer, err = net.ParseCIDR(peer); err != nil {
		return err
	}
	a.Flags = unix.IFA_F_NODAD
	if err := netlink.AddrAdd(link, a); err != nil {
		return fmt.Errorf("address %s on %s: %w", own, link.Attrs().Name, err)
	}
	return nil
}

// run carries packets over the stream until the client leaves.
func (s *session) run(p *dataplane.Plane, stream *transport.Stream, early []byte) error {
	var wire dataplane.Stream = &gatheredStream{Stream: stream.Wire(early)}
	if s.config.Single {
		wire = single{wire}
	}
	id := s.next()
	if err := p.AddStream(id, wire, overTLS, 1, 0, "tls", stream.Info().Overhead); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: a tunnel\n", s.v4())
	for e := range p.Events() {
		switch {
		case e.Kind == dataplane.DeviceLost, e.Kind == dataplane.Dead && e.Path == id:
			return errors.New(e.Reason)
		case e.Kind == dataplane.Control && (e.Type == typeDisconnect || e.Type == typeTerminate):
			return nil
		}
	}
	return nil
}

// next numbers a path.
func (s *session) next() uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	return s.last
}

// carry makes w the way for packets, before the stream and in place of an earlier one.
func (s *session) carry(w dataplane.Datagram, spec framing.Spec, kind string, overhead int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.plane == nil {
		return errors.New("the session has no tunnel")
	}
	s.last++
	if err := s.plane.AddDatagram(s.last, &gatheredDatagrams{Datagram: w}, spec, 2, s.udp, kind, overhead); err != nil {
		return err
	}
	s.udp = s.last
	return nil
}

// single sends every record by itself.
type single struct{ dataplane.Stream }

func (w single) WriteFrame(frame []byte) error {
	if err := w.Stream.WriteFrame(frame); err != nil {
		return err
	}
	return w.Stream.Flush()
}

var rules = framing.Rules{
	Replies: []framing.Reply{{Match: typeDPD, With: typeDPDReply}},
	Ignore:  []uint32{typeDPDReply, typeKeepalive},
	Dpd:     framing.Dpd{After: 60 * time.Second, Retry: 10 * time.Second, Dead: 30 * time.Second, Type: typeDPD},
}

// overTLS and overDTLS are AnyConnect's frames.
var (
	overTLS = framing.Spec{
		Header: []byte{'S', 'T', 'F', 1, 0, 0, 0, 0}, Length: framing.Field{Offset: 4, Width: 2}, Type: framing.Field{Offset: 6, Width: 1},
		OnePerRecord: true, MaxPayload: 16384, Rules: rules,
	}
	overDTLS = framing.Spec{Header: []byte{0}, Type: framing.Field{Offset: 0, Width: 1}, MaxPayload: 16384, Rules: rules}
)
