package eap

import (
	"bytes"
	"net"
	"os"
	"sync"
	"time"
)

// wire is the connection that TLS believes to have. Who reads waits for the gateway
// during the handshake, which crypto/tls does in one go and in a goroutine of its own;
// after it, a reader is told at once that nothing is there.
type wire struct {
	mu      sync.Mutex
	more    sync.Cond // of in, polled and closed
	in, out bytes.Buffer
	first   []byte        // the first bytes that came: see serverRandom
	turn    chan struct{} // open while the handshake is at work
	polled  bool          // nobody waits: the handshake is over
	closed  bool
}

func newWire() *wire {
	w := &wire{}
	w.more.L = &w.mu
	return w
}

// feed adds what came. The channel is closed when the handshake has come as far as it
// can with that.
func (w *wire) feed(b []byte) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.in.Write(b)
	if missing := helloSize - len(w.first); missing > 0 {
		w.first = append(w.first, b[:min(missing, len(b))]...)
	}
	w.turn = make(chan struct{})
	w.more.Broadcast()
	return w.turn
}

// pause ends a turn. The caller holds mu.
func (w *wire) pause() {
	if w.turn != nil {
		close(w.turn)
		w.turn = nil
	}
}

// poll says that the handshake is over.
func (w *wire) poll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.polled = true
	w.pause()
}

// flight takes what is to be sent.
func (w *wire) flight() []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := bytes.Clone(w.out.Bytes())
	w.out.Reset()
	return b
}

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.in.Len() == 0 {
		switch {
		case w.closed:
			return 0, net.ErrClosed
		case w.polled:
			return 0, os.ErrDeadlineExceeded // crypto/tls takes up reading after that
		}
		w.pause()
		w.more.Wait()
	}
	return w.in.Read(b)
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(b)
}

// Close implements net.Conn.
func (w *wire) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.more.Broadcast()
	return nil
}

// LocalAddr implements net.Conn.
func (*wire) LocalAddr() net.Addr { return nil }

// RemoteAddr implements net.Conn.
func (*wire) RemoteAddr() net.Addr { return nil }

// SetDeadline implements net.Conn.
func (*wire) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (*wire) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (*wire) SetWriteDeadline(time.Time) error { return nil }
