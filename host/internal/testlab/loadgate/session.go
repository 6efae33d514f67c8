package loadgate

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/sdk/framing"
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

	mu     sync.Mutex
	key    []byte // of DTLS
	tunnel *endpoint.Tunnel
	udp    *endpoint.Path // over datagrams, if there is one

	shaking sync.Mutex // held during a DTLS handshake
}

func (s *session) v4() string { return endpoint.V4(s.number) }

// v6 is "" where the packets are too small for IPv6 (RFC 8200 section 5).
func (s *session) v6() string {
	if s.config.MTU < 1280 {
		return ""
	}
	return endpoint.V6(s.number)
}

// open gives the session a tunnel. One that it still has ends: the client has come
// back.
func (s *session) open(key []byte) (*endpoint.Tunnel, error) {
	s.mu.Lock()
	old := s.tunnel
	s.mu.Unlock()
	if old != nil {
		s.close(old)
	}
	t, err := endpoint.Open(s.config.MTU, s.v4(), s.v6())
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key, s.tunnel, s.udp = key, t, nil
	return t, nil
}

// close ends a tunnel, which may be the session's no more.
func (s *session) close(t *endpoint.Tunnel) {
	s.mu.Lock()
	if s.tunnel == t {
		s.tunnel = nil
	}
	s.mu.Unlock()
	t.Close()
}

// run carries packets over the stream until the client leaves.
func (s *session) run(t *endpoint.Tunnel, stream *transport.Stream, early []byte) error {
	wire := stream.Wire(early)
	if s.config.Single {
		wire = single{wire}
	}
	left := make(chan error, 2)
	p, err := t.Stream(wire, overTLS, stream.Info().Overhead, func(_ *endpoint.Path, kind uint32) {
		if kind == typeDisconnect || kind == typeTerminate {
			select {
			case left <- nil:
			default:
			}
		}
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s: a tunnel\n", s.v4())
	go func() { left <- p.Wait() }()
	return <-left
}

// carry makes w the way for packets, before the stream and in place of an earlier one.
func (s *session) carry(w dataplane.Datagram, overhead int) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tunnel == nil {
		return errors.New("the session has no tunnel")
	}
	p, err := s.tunnel.Datagrams(w, overDTLS, s.udp, "dtls", overhead)
	if err == nil {
		s.udp = p
	}
	return err
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
