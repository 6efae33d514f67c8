package tunnel

import (
	"bytes"
	"errors"
	"os"
	"time"
)

// reader reads a connection in a goroutine until it is told to stop.
type reader struct {
	conn Conn
	came chan []byte // closed at the end
	quit chan struct{}
	err  error // once came is closed
}

func newReader(conn Conn) *reader {
	r := &reader{conn: conn, came: make(chan []byte), quit: make(chan struct{})}
	go r.read()
	return r
}

func (r *reader) read() {
	defer close(r.came)
	b := make([]byte, 32<<10)
	for {
		n, err := r.conn.Read(b)
		if n > 0 {
			select {
			case r.came <- bytes.Clone(b[:n]):
			case <-r.quit:
				return
			}
		}
		if err != nil {
			r.err = err
			return
		}
	}
}

// stop ends the reading without the loss of a byte: rest was read and not taken yet.
func (r *reader) stop() (rest []byte, err error) {
	if err := r.conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
		return nil, err
	}
	for b := range r.came {
		rest = append(rest, b...)
	}
	if r.err != nil && !errors.Is(r.err, os.ErrDeadlineExceeded) {
		return nil, r.err
	}
	return rest, nil
}

// abandon ends the reading with the connection.
func (r *reader) abandon() {
	close(r.quit)
	_ = r.conn.Close()
	for range r.came { // until it has seen that
	}
}
