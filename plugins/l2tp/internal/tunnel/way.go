package tunnel

import (
	"context"
	"net"
	"sync"

	ike1 "github.com/penstock-vpn/penstock/plugins/internal/ike1/tunnel"
	"github.com/penstock-vpn/penstock/plugins/l2tp/internal/esp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// way is how messages of L2TP and IKE reach the gateway once IKE has agreed on keys: by ESP
// that is made here, and later by the host's path. It is the path of IKE's peer.
type way struct {
	line *line     // nil: IKE is not that far
	pair *esp.Pair // until there is a path
	path *sdk.Path
}

// begun makes it the way of a line with those SAs.
func (w *way) begun(l *line, sas []sdk.SA) (err error) {
	w.pair, err = esp.New(sdk.UDPPorts{Local: portL2TP, Remote: portL2TP}, sas)
	if err == nil {
		w.line = l
		l.take()
	}
	return err
}

// ID is the number of the transport, and later of the path.
func (w *way) ID() uint32 { return w.line.Transport.ID() }

// Send sends a message of IKE: there is no other type that its peer knows.
func (w *way) Send(_ uint32, message []byte) error {
	if w.path != nil {
		return w.path.Send(0, message)
	}
	_, _ = w.line.Write(append(make([]byte, markerSize), message...)) // lost, as datagrams may be
	return nil
}

// InstallSA installs an SA where packets are sealed and opened.
func (w *way) InstallSA(ctx context.Context, sa sdk.SA) error {
	if w.path != nil {
		return w.path.InstallSA(ctx, sa)
	}
	return w.pair.Install(sa)
}

// RemoveSA removes an inbound SA.
func (w *way) RemoveSA(ctx context.Context, spi uint32) error {
	if w.path != nil {
		return w.path.RemoveSA(ctx, spi)
	}
	w.pair.Remove(spi)
	return nil
}

// datagram sends a message of L2TP.
func (w *way) datagram(message []byte) error {
	sealed, err := w.pair.Seal(message)
	if err != nil {
		return err
	}
	_, _ = w.line.Write(sealed) // lost, as datagrams may be
	return nil
}

// attach has the host carry what comes from now on.
func (w *way) attach(ctx context.Context, s *sdk.Session, f framing.Spec) (err error) {
	e := &sdk.ESP{SAs: w.pair.SAs(), NATKeepalive: ike1.NATKeepalive, Transport: sdk.UDPPorts{Local: portL2TP, Remote: portL2TP}}
	w.path, err = s.Attach(ctx, w.line.Transport, nil, f, sdk.AttachOptions{ESP: e})
	return err
}

// host is the sdk's session for IKE's peer, which gets lines.
type host struct {
	*sdk.Session
	natt int // the port of ESP
	work *sync.WaitGroup
	came chan []byte
}

func (h *host) OpenUDP(ctx context.Context, name string, port int) (ike1.Conn, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	t, err := h.Session.OpenUDP(ctx, name, port)
	switch {
	case err != nil:
		return nil, err
	case port != h.natt:
		return t, nil
	}
	l := newLine(t, h.came)
	h.work.Go(l.read)
	return l, nil
}

const (
	markerSize  = 4 // zeros before a message of IKE
	maxDatagram = 65535
)

// line is the transport that IKE and ESP share. IKE's peer reads it until it is taken; then
// everything comes to the session.
type line struct {
	*sdk.Transport
	all     chan []byte
	own     chan []byte   // for IKE's peer
	taken   chan struct{} // closed by take
	closed  chan struct{}
	closing sync.Once
}

func newLine(t *sdk.Transport, all chan []byte) *line {
	return &line{Transport: t, all: all, own: make(chan []byte, 16), taken: make(chan struct{}), closed: make(chan struct{})}
}

// take is the end of the peer's reading.
func (l *line) take() { close(l.taken) }

// read hands datagrams out until the transport ends, or is attached.
func (l *line) read() {
	b := make([]byte, maxDatagram)
	for {
		n, err := l.Transport.Read(b)
		if err != nil {
			return
		}
		to := l.own
		select {
		case <-l.taken:
			to = l.all
		default:
		}
		select {
		case to <- append([]byte(nil), b[:n]...):
		default: // lost, as datagrams may be
		}
	}
}

// Read is the peer's.
func (l *line) Read(p []byte) (int, error) {
	select {
	case b := <-l.own:
		return copy(p, b), nil
	case <-l.taken:
	case <-l.closed:
	}
	return 0, net.ErrClosed
}

// Close ends it, for the peer and for everybody.
func (l *line) Close() error {
	l.closing.Do(func() { close(l.closed) })
	return l.Transport.Close()
}
