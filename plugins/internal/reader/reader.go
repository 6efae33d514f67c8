// Package reader reads a connection beside the loop of a session.
package reader

import (
	"bytes"
	"errors"
	"net"
	"os"
	"time"
)

// Reader reads a connection in a goroutine until it is told to stop.
type Reader struct {
	Came <-chan []byte // closed at the end
	Err  error         // why, once Came is closed

	conn net.Conn
	quit chan struct{}
}

const bufferSize = 64 << 10 // of a datagram, the most

// New begins to read.
func New(conn net.Conn) *Reader {
	came := make(chan []byte)
	r := &Reader{Came: came, conn: conn, quit: make(chan struct{})}
	go r.read(came)
	return r
}

func (r *Reader) read(came chan<- []byte) {
	defer close(came)
	b := make([]byte, bufferSize)
	for {
		n, err := r.conn.Read(b)
		if n > 0 {
			select {
			case came <- bytes.Clone(b[:n]):
			case <-r.quit:
				return
			}
		}
		if err != nil {
			r.Err = err
			return
		}
	}
}

// Stop ends the reading of a stream without the loss of a byte: rest was read and not taken yet.
func (r *Reader) Stop() (rest []byte, err error) {
	if err := r.conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return nil, err
	}
	for b := range r.Came {
		rest = append(rest, b...)
	}
	if r.Err != nil && !errors.Is(r.Err, os.ErrDeadlineExceeded) {
		return nil, r.Err
	}
	return rest, nil
}

// Detach has what comes from now on be dropped: the connection is somebody else's.
func (r *Reader) Detach() { close(r.quit) }

// Abandon ends the reading with the connection.
func (r *Reader) Abandon() {
	close(r.quit)
	_ = r.conn.Close()
	for range r.Came { // until it has seen that
	}
}
