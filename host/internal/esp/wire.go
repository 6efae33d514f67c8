package esp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
)

// batchSize is how many packets are sealed at once, and how many Recv wants room for.
const batchSize = 128

// Socket is the UDP socket under a Wire: it carries whole datagrams in batches. One
// goroutine calls Fill and Next; calls of Send take turns.
type Socket interface {
	// Send sends each bufs[i][offset:] as one datagram. An error that wraps
	// syscall.EMSGSIZE says that some were too large and are lost; any other that the
	// socket is.
	Send(bufs [][]byte, offset int) error
	// Fill waits for datagrams.
	Fill() error
	// Next is the next datagram that Fill got, until the next Fill; false: no more.
	Next() ([]byte, bool)
	// Close ends the socket and what blocks on it.
	Close() error
}

// marking is an ability of sockets: to say the octet of IP headers that ECN and DSCP
// share.
type marking interface {
	// SendMarked is Send with tos[i] in the header of bufs[i]; nil: 0 for all.
	SendMarked(bufs [][]byte, offset int, tos []byte) error
	// TOS is the octet of what Next returned last.
	TOS() byte
}

// Handler hears what is no packet. Its functions must not block; nil ones are not called.
type Handler struct {
	// IKE takes a message of IKE from the port that it shares with ESP, without the
	// marker. The message may be changed, and is good until IKE returns.
	IKE func(message []byte)
	// Aged says, once for each age, how far the life of an SA has come. An inbound and
	// the outbound one may have the same SPI.
	Aged func(spi SPI, outbound bool, age Age)
}

// Wire carries IP packets as ESP in UDP. It seals with one SA, which may be replaced
// at any time, and opens with all that are installed: the peer's old and new one.
type Wire struct {
	socket  Socket
	marking marking // of the socket; nil: it is not able to
	handler Handler
	ports   Ports
	counts  [verdicts]atomic.Uint64

	out  atomic.Pointer[Outbound]
	send sync.Mutex // a turn at out and socket.Send
	seal [batchSize][]byte
	ike  []byte

	in      atomic.Pointer[[]*Inbound] // replaced, never changed: it is short, so that it is searched
	install sync.Mutex                 // a turn at replacing it

	// Of what Recv returned:
	marks  [batchSize]byte
	marked bool // one of them is not 0
}

// NewWire makes a wire over socket. Until SAs are installed it drops everything.
func NewWire(socket Socket, h Handler) *Wire {
	w := &Wire{socket: socket, handler: h}
	w.marking, _ = socket.(marking)
	w.in.Store(new([]*Inbound))
	return w
}

// Datagrams makes it a wire of transport mode, before it carries anything: what is sent and
// received is then what datagrams between these ports hold, and needs UDPHeader more bytes
// in front.
func (w *Wire) Datagrams(ports Ports) { w.ports = ports }

// SetOutbound makes o, which may be nil, what packets are sealed with from now on.
func (w *Wire) SetOutbound(o *Outbound) { w.out.Store(o) }

// AddInbound installs in beside those that are.
func (w *Wire) AddInbound(in *Inbound) error {
	w.install.Lock()
	defer w.install.Unlock()
	all := *w.in.Load()
	if find(all, in.spi) != nil {
		return fmt.Errorf("esp: SPI %v is installed", in.spi)
	}
	all = append(slices.Clone(all), in)
	w.in.Store(&all)
	return nil
}

// RemoveInbound removes the SA of spi, if there is one. A packet that is being opened
// still comes out.
func (w *Wire) RemoveInbound(spi SPI) {
	w.install.Lock()
	defer w.install.Unlock()
	all := slices.DeleteFunc(slices.Clone(*w.in.Load()), func(in *Inbound) bool { return in.spi == spi })
	w.in.Store(&all)
}

// Count is how many packets met with v, in both directions. The good ones are not counted.
func (w *Wire) Count(v Verdict) uint64 { return w.counts[v].Load() }

// Send seals each bufs[i][offset:], an IP packet, in place and sends it. What cannot be
// sealed is lost and counted: to install a new SA is key management's job.
func (w *Wire) Send(bufs [][]byte, offset int) error { return w.SendMarked(bufs, offset, nil) }

// SendMarked is Send with tos[i] in the outer header of bufs[i], where the socket is
// able to; nil: 0 for all.
func (w *Wire) SendMarked(bufs [][]byte, offset int, tos []byte) error {
	var oversize error
	for len(bufs) > 0 {
		n := min(len(bufs), batchSize)
		now := tos[:min(len(tos), n)]
		switch err := w.sendBatch(bufs[:n], offset, now); {
		case errors.Is(err, syscall.EMSGSIZE):
			oversize = err
		case err != nil:
			return err
		}
		bufs, tos = bufs[n:], tos[len(now):]
	}
	return oversize
}

func (w *Wire) sendBatch(bufs [][]byte, offset int, tos []byte) error {
	o := w.out.Load()
	if o == nil {
		w.counts[NoSA].Add(uint64(len(bufs)))
		return nil
	}
	age, aged, err := w.sealAndSend(o, bufs, offset, tos)
	if aged && w.handler.Aged != nil {
		w.handler.Aged(o.spi, true, age)
	}
	return err
}

func (w *Wire) sealAndSend(o *Outbound, bufs [][]byte, offset int, tos []byte) (age Age, aged bool, err error) {
	w.send.Lock()
	defer w.send.Unlock()
	n, exhausted := o.sealBatch(w.seal[:], bufs, offset, w.ports)
	if lost := uint64(len(bufs) - n); exhausted != nil {
		w.counts[Expired].Add(lost)
	} else if lost > 0 {
		w.counts[NotIP].Add(lost)
	}
	switch {
	case n == 0:
	case n == len(tos) && w.marking != nil:
		err = w.marking.SendMarked(w.seal[:n], 0, tos)
	default: // also when something was left out, as what is no IP packet, which is rare
		err = w.socket.Send(w.seal[:n], 0)
	}
	age, aged = o.life.news()
	return age, aged, err
}

// Recv opens what arrives into bufs[i][offset:].
func (w *Wire) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	bufs = bufs[:min(len(bufs), batchSize)]
	w.marked = false
	for len(bufs) > 0 {
		if n := w.drain(bufs, sizes, offset); n > 0 {
			return n, nil
		}
		if err := w.socket.Fill(); err != nil {
			return 0, err
		}
	}
	return 0, nil
}

// drain opens what the socket holds, until bufs are full.
func (w *Wire) drain(bufs [][]byte, sizes []int, offset int) int {
	all, n := *w.in.Load(), 0
	if w.ports.datagrams() {
		offset -= UDPHeader
	}
	for n < len(bufs) {
		datagram, ok := w.socket.Next()
		if !ok {
			break
		}
		size, v := w.take(all, bufs[n][offset:], datagram)
		if v != Good {
			w.counts[v].Add(1)
		} else if size > 0 {
			sizes[n] = size
			w.mark(n)
			n++
		}
	}
	for _, in := range all {
		if age, aged := in.life.news(); aged && w.handler.Aged != nil {
			w.handler.Aged(in.spi, false, age)
		}
	}
	return n
}

// mark notes the octet of the i-th packet of a Recv.
func (w *Wire) mark(i int) {
	if w.marking != nil {
		w.marks[i] = w.marking.TOS()
		w.marked = w.marked || w.marks[i] != 0
	}
}

// Marks are the octets of the outer headers of what Recv returned; nil: all 0.
func (w *Wire) Marks() []byte {
	if !w.marked {
		return nil
	}
	return w.marks[:]
}

// take opens one datagram (RFC 3948 section 2). A message of IKE is good, and no packet.
func (w *Wire) take(all []*Inbound, dst, datagram []byte) (int, Verdict) {
	if len(datagram) == 1 && datagram[0] == keepalive {
		return 0, Keepalive
	}
	if len(datagram) < headerSize {
		return 0, Malformed
	}
	spi := SPI(binary.BigEndian.Uint32(datagram))
	if spi == 0 {
		if w.handler.IKE != nil {
			w.handler.IKE(datagram[markerSize:])
		}
		return 0, Good
	}
	in := find(all, spi)
	if in == nil {
		return 0, UnknownSPI
	}
	n, next, v := in.Open(dst, datagram)
	if v != Good {
		return 0, v
	}
	if w.ports.datagrams() {
		return w.ports.inside(dst[:n], next)
	}
	return inner(dst[:n], next)
}

func find(all []*Inbound, spi SPI) *Inbound {
	for _, in := range all {
		if in.spi == spi {
			return in
		}
	}
	return nil
}

// BatchSize is how many packets Recv wants room for.
func (w *Wire) BatchSize() int { return batchSize }

// PathMTU is the path MTU that the socket knows, in bytes of an IP packet; 0 when unknown.
func (w *Wire) PathMTU() int {
	if s, ok := w.socket.(interface{ PathMTU() int }); ok {
		return s.PathMTU()
	}
	return 0
}

// Close ends the wire and what blocks on it.
func (w *Wire) Close() error { return w.socket.Close() }
