package tunnel

import (
	"bytes"
	"net"
)

// reader reads a connection in a goroutine until it ends.
type reader struct {
	conn net.Conn
	came chan []byte // closed at the end
	quit chan struct{}
	err  error // once came is closed
}

func newReader(conn net.Conn) *reader {
	r := &reader{conn: conn, came: make(chan []byte), quit: make(chan struct{})}
	go r.read()
	return r
}

func (r *reader) read() {
	defer close(r.came)
	b := make([]byte, 64<<10)
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

// detach has what comes from now on be dropped: the connection is somebody else's.
func (r *reader) detach() { close(r.quit) }

// abandon ends the reading with the connection.
func (r *reader) abandon() {
	close(r.quit)
	_ = r.conn.Close()
	for range r.came { // until it has seen that
	}
}
