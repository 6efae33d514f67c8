package transport

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
)

const pumpSize = 32 << 10

// pump moves bytes between the plugin's socketpair and the network, each direction
// in its own goroutine. What was read from the network and could not be delivered
// is held for the wire.
type pump struct {
	conn readWriter
	pair *net.UnixConn

	upDone, downDone chan struct{}

	mu   sync.Mutex
	up   error  // why writing to the network ended; nil after the plugin's end of file
	down error  // why reading from the network ended; io.EOF, an error, or nil when interrupted
	held []byte // of downDone's goroutine, then of whoever saw downDone
}

func startPump(conn readWriter, pair *net.UnixConn) *pump {
	p := &pump{conn: conn, pair: pair, upDone: make(chan struct{}), downDone: make(chan struct{})}
	go p.runUp()
	go p.runDown()
	return p
}

// runUp ends at the plugin's end of file, or when the network takes no more.
func (p *pump) runUp() {
	defer close(p.upDone)
	buf := make([]byte, pumpSize)
	for {
		n, err := p.pair.Read(buf)
		if n > 0 {
			if _, werr := p.conn.Write(buf[:n]); werr != nil {
				p.set(&p.up, werr)
				_ = p.pair.CloseRead()
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// runDown ends at the network's end, when drain interrupts it, or when the plugin
// reads no more; then what is undelivered is held.
func (p *pump) runDown() {
	defer close(p.downDone)
	buf := make([]byte, pumpSize)
	for {
		n, err := p.conn.Read(buf)
		if n > 0 {
			if m, werr := p.pair.Write(buf[:n]); werr != nil {
				p.held = append(p.held, buf[m:n]...)
				return
			}
		}
		if err != nil {
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				p.set(&p.down, err)
				_ = p.pair.CloseWrite()
			}
			return
		}
	}
}

// drain waits for the plugin's end of file, stops reading the network and closes
// the host's end, so that the plugin reads what was delivered, then end of file.
func (p *pump) drain(ctx context.Context) error {
	select {
	case <-p.upDone:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := p.get(&p.up); err != nil {
		return err
	}
	_ = p.conn.SetReadDeadline(past)
	_ = p.pair.SetWriteDeadline(past)
	<-p.downDone
	_ = p.pair.Close()
	if err := p.conn.SetReadDeadline(noDeadline); err != nil && p.get(&p.down) == nil {
		return err
	}
	return nil
}

// failure is the first thing that went wrong with the network.
func (p *pump) failure() error {
	if err := p.get(&p.down); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return p.get(&p.up)
}

func (p *pump) close() { _ = p.pair.Close() }

func (p *pump) set(field *error, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*field = err
}

func (p *pump) get(field *error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return *field
}
