package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
)

// socket is a connected socket of datagrams: UDP, or raw.
type socket interface {
	net.Conn
	syscall.Conn
}

// Packets is a connected socket of datagrams, UDP or raw. Its life is that of a Stream:
// Plaintext until Drain, then Wire.
type Packets struct {
	info    Info
	conn    socket
	offload bool
	headed  bool        // what is received has its IP header: raw, and IPv4
	pump    *packetPump // nil before Plaintext

	closing sync.Once
	closed  error
}

// Info returns what was known when the socket was opened, with the path MTU as it is now.
func (p *Packets) Info() Info {
	info := p.info
	info.PathMTU = udpPathMTU(p.conn)
	return info
}

// Plaintext makes a socketpair (SOCK_SEQPACKET: one write, one datagram) and
// returns the plugin's end, which the caller closes when passed on. It may be called once.
func (p *Packets) Plaintext() (*os.File, error) {
	if p.pump != nil {
		return nil, errors.New("transport: the plaintext end was given out already")
	}
	pair, file, err := socketpair(packetPair)
	if err != nil {
		return nil, err
	}
	p.pump = startPacketPump(p, pair)
	return file, nil
}

// Drain is the host's part of the handover: what the plugin wrote is sent, and the
// host's end is closed, so that the plugin reads what is in the socketpair and then
// end of file.
func (p *Packets) Drain(ctx context.Context) error {
	if p.pump == nil {
		return errors.New("transport: drain without a plaintext end")
	}
	if err := p.pump.drain(ctx); err != nil {
		return fmt.Errorf("transport: drain: %w", err)
	}
	return nil
}

// Wire returns the socket as a path's wire, after Drain or instead of Plaintext.
func (p *Packets) Wire() dataplane.Datagram {
	return &packetWire{p: p, rx: newReceiver(p.conn, p.offload), tx: newSender(p.conn, p.offload)}
}

// Close ends the socket and what blocks on it.
func (p *Packets) Close() error {
	p.closing.Do(func() {
		p.closed = p.conn.Close()
		if p.pump != nil {
			_ = p.pump.pair.Close()
		}
	})
	return p.closed
}

// payload is a received datagram without the IP header that it may have.
func (p *Packets) payload(datagram []byte) []byte {
	if p.headed {
		return ipPayload(datagram)
	}
	return datagram
}

// packetWire carries one frame a datagram, without a header of its own.
type packetWire struct {
	p  *Packets
	rx *receiver
	tx *sender

	marks marks // of the one reader
}

// Send sends each bufs[i][offset:]. What the network refuses for another reason
// than its size is lost, as datagrams are: finding a dead path is dead peer detection's job.
func (w *packetWire) Send(bufs [][]byte, offset int) error { return w.tx.send(bufs, offset, nil) }

// SendMarked is Send with octets for the IP headers.
func (w *packetWire) SendMarked(bufs [][]byte, offset int, tos []byte) error {
	return w.tx.send(bufs, offset, tos)
}

// Recv copies what has arrived.
func (w *packetWire) Recv(bufs [][]byte, sizes []int, offset int) (int, error) {
	bufs = bufs[:min(len(bufs), batchSize)]
	w.marks.any = 0
	for {
		n := 0
		for n < len(bufs) {
			datagram, ok := w.rx.next()
			if !ok {
				break
			}
			if datagram = w.p.payload(datagram); len(datagram) == 0 {
				continue
			}
			if len(datagram) > len(bufs[n])-offset {
				continue
			}
			sizes[n] = copy(bufs[n][offset:], datagram)
			w.marks.set(n, w.rx.tos)
			n++
		}
		if n > 0 || len(bufs) == 0 {
			return n, nil
		}
		if err := w.rx.fill(); err != nil {
			return 0, err
		}
	}
}

// SetReadDeadline has Recv give up then, with os.ErrDeadlineExceeded.
func (w *packetWire) SetReadDeadline(t time.Time) error { return w.p.conn.SetReadDeadline(t) }

// Marks are the octets of the IP headers that came with what Recv returned; nil: all 0.
func (w *packetWire) Marks() []byte { return w.marks.list() }

// BatchSize is how many datagrams Recv wants room for.
func (w *packetWire) BatchSize() int { return batchSize }

// PathMTU is the path MTU the kernel knows now, in bytes of an IP packet; 0 when unknown.
func (w *packetWire) PathMTU() int { return udpPathMTU(w.p.conn) }

// Close ends the socket.
func (w *packetWire) Close() error { return w.p.Close() }
