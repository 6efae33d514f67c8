// Package relay is a bad line for UDP: it passes datagrams between clients and one
// server, and loses, delays and doubles some of them. What happens to a datagram
// depends on the seed and on how many came before it, not on the clock.
package relay

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// Faults are the shares of all datagrams, from 0 to 1, that meet with one. A datagram
// meets with one at most.
type Faults struct {
	Seed   uint64
	Lose   float64
	Late   float64 // come after some that were sent later
	Double float64 // come twice, the second time late
}

const (
	maxDatagram = 65535
	idle        = 5 * time.Millisecond // a line that rests gives out what it holds
)

// Relay is a bad line between one listening socket and one server.
type Relay struct {
	listen *net.UDPConn
	dial   func() (*net.UDPConn, error)
	faults Faults

	mu      sync.Mutex
	up      *line
	flows   map[netip.AddrPort]*flow
	running sync.WaitGroup
	closed  bool
}

// flow is one client's way to the server, which knows the client by this socket.
type flow struct {
	conn *net.UDPConn
	down *line
}

// New passes what comes to listen to the server, which dial reaches with a new socket
// for each client. Both belong to the relay until Close.
func New(listen *net.UDPConn, dial func() (*net.UDPConn, error), f Faults) *Relay {
	r := &Relay{listen: listen, dial: dial, faults: f, up: newLine(f, 0), flows: map[netip.AddrPort]*flow{}}
	r.running.Go(r.rise)
	return r
}

// Worsen gives the line other faults; the seed stays.
func (r *Relay) Worsen(f Faults) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f.Seed = r.faults.Seed
	r.faults = f
	r.up.worsen(f)
	for _, flow := range r.flows {
		flow.down.worsen(f)
	}
}

// rise passes what clients send.
func (r *Relay) rise() {
	buf := make([]byte, maxDatagram)
	for {
		_ = r.listen.SetReadDeadline(r.up.patience())
		n, from, err := r.listen.ReadFromUDPAddrPort(buf)
		switch {
		case err == nil:
			if f := r.flow(from); f != nil {
				r.up.take(buf[:n], func(d []byte) { _, _ = f.conn.Write(d) })
			}
		case errors.Is(err, os.ErrDeadlineExceeded):
			r.up.rest()
		case errors.Is(err, net.ErrClosed):
			return
		}
	}
}

// flow is that of a client; nil when there can be none.
func (r *Relay) flow(from netip.AddrPort) *flow {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.flows[from]; f != nil || r.closed {
		return f
	}
	conn, err := r.dial()
	if err != nil {
		return nil
	}
	f := &flow{conn, newLine(r.faults, uint64(1+len(r.flows)))}
	r.flows[from] = f
	r.running.Go(func() { r.fall(f, from) })
	return f
}

// fall passes what the server sends to one client.
func (r *Relay) fall(f *flow, to netip.AddrPort) {
	buf := make([]byte, maxDatagram)
	out := func(d []byte) { _, _ = r.listen.WriteToUDPAddrPort(d, to) }
	for {
		_ = f.conn.SetReadDeadline(f.down.patience())
		n, err := f.conn.Read(buf)
		switch {
		case err == nil:
			f.down.take(buf[:n], out)
		case errors.Is(err, os.ErrDeadlineExceeded):
			f.down.rest()
		case errors.Is(err, net.ErrClosed):
			return
		}
	}
}

// Counts are those of datagrams to the server and from it, so far.
func (r *Relay) Counts() (up, down Counts) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range r.flows {
		down = down.plus(f.down.counts())
	}
	return r.up.counts(), down
}

// Close ends the relay. What it holds is lost.
func (r *Relay) Close() error {
	err := r.listen.Close()
	r.mu.Lock()
	r.closed = true
	for _, f := range r.flows {
		_ = f.conn.Close() // it was only listened to
	}
	r.mu.Unlock()
	r.running.Wait()
	return err
}
