package gpgate

import (
	"net/netip"
	"sync/atomic"

	"github.com/penstock-vpn/penstock/host/internal/esp"
)

// way is a socket to where the client is.
type way struct {
	to     netip.AddrPort
	socket esp.Socket
	first  []byte // came before the socket was there
}

// roamer is the socket of a client that may come from another address one day.
type roamer struct {
	latest atomic.Pointer[way]

	// Of the reader:
	reading *way
	first   []byte
}

// move ends the reading and the sending at where the client was before.
func (r *roamer) move(w *way) error { return r.latest.Swap(w).socket.Close() }

// Fill implements esp.Socket.
func (r *roamer) Fill() error {
	for {
		w := r.latest.Load()
		if w != r.reading {
			r.reading, r.first = w, w.first
			return nil
		}
		if err := w.socket.Fill(); err == nil || r.latest.Load() == w {
			return err
		}
	}
}

// Next implements esp.Socket.
func (r *roamer) Next() ([]byte, bool) {
	if first := r.first; first != nil {
		r.first = nil
		return first, true
	}
	if r.reading == nil {
		return nil, false
	}
	return r.reading.socket.Next()
}

// Send implements esp.Socket. What is under way during a move is lost.
func (r *roamer) Send(bufs [][]byte, offset int) error {
	w := r.latest.Load()
	if err := w.socket.Send(bufs, offset); r.latest.Load() == w {
		return err
	}
	return nil
}

// PathMTU is that of the way.
func (r *roamer) PathMTU() int { return r.latest.Load().socket.(interface{ PathMTU() int }).PathMTU() }

// Close implements esp.Socket.
func (r *roamer) Close() error { return r.latest.Load().socket.Close() }
