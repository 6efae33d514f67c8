package transport

import (
	"net"
	"os"
	"sync"
	"time"
)

const (
	corkSize  = 256 << 10 // gathered records, in bytes, before they are sent without Flush
	readAhead = 128 << 10 // bytes asked of the kernel at once

	closeGrace = time.Second // how long a close_notify may take
)

// past is a deadline that has gone by: it ends what blocks.
var past = time.Unix(1, 0)

// cork is the lower side of a stream. It reads through a large buffer, and while
// corked it gathers what is written until flush, so that a batch of TLS records
// costs one system call. One goroutine reads; any may write.
type cork struct {
	net.Conn

	// Reading side, of the one reader.
	ahead   []byte // readAhead bytes
	unread  []byte // part of ahead not handed out
	instant bool   // Read fails with os.ErrDeadlineExceeded instead of waiting

	mu  sync.Mutex // held while writing, also while that blocks
	on  bool
	buf []byte
	err error // of the first write that failed
}

func newCork(conn net.Conn) *cork {
	return &cork{Conn: conn, ahead: make([]byte, readAhead)}
}

// Read hands out what was read ahead, or reads anew. With instant set it never
// waits: crypto/tls treats the error as a read deadline and loses nothing.
func (c *cork) Read(p []byte) (int, error) {
	if len(c.unread) == 0 {
		if c.instant {
			return 0, os.ErrDeadlineExceeded
		}
		if len(p) >= len(c.ahead) {
			return c.Conn.Read(p)
		}
		n, err := c.Conn.Read(c.ahead)
		c.unread = c.ahead[:n]
		if n == 0 {
			return 0, err
		}
	}
	n := copy(p, c.unread)
	c.unread = c.unread[n:]
	return n, nil
}

// Write sends p, or keeps a copy until flush while corked.
func (c *cork) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return 0, c.err
	}
	if c.on && len(c.buf)+len(p) > cap(c.buf) {
		if err := c.send(); err != nil {
			return 0, err
		}
	}
	if !c.on || len(p) > cap(c.buf) {
		n, err := c.Conn.Write(p)
		c.err = err
		return n, err
	}
	c.buf = append(c.buf, p...)
	return len(p), nil
}

// start begins corking.
func (c *cork) start() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.on = true
	if c.buf == nil {
		c.buf = make([]byte, 0, corkSize)
	}
}

// flush sends what was gathered, in one write.
func (c *cork) flush() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.send()
}

func (c *cork) send() error {
	if c.err == nil && len(c.buf) > 0 {
		_, c.err = c.Conn.Write(c.buf)
		c.buf = c.buf[:0]
	}
	return c.err
}

// release sends what was gathered and ends corking, unless somebody is writing
// right now: then it returns false, and only closing the connection helps.
func (c *cork) release() bool {
	if !c.mu.TryLock() {
		return false
	}
	defer c.mu.Unlock()
	_ = c.Conn.SetWriteDeadline(time.Now().Add(closeGrace))
	c.on = false
	return c.send() == nil
}

// SetWriteDeadline is called by crypto/tls alone, before a close_notify, with more
// patience than a gateway that does not read deserves.
func (c *cork) SetWriteDeadline(t time.Time) error {
	if grace := time.Now().Add(closeGrace); t.IsZero() || t.After(grace) {
		t = grace
	}
	return c.Conn.SetWriteDeadline(t)
}
