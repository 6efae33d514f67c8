package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
)

// noDeadline lifts a deadline.
var noDeadline time.Time

// Drain is the host's part of the handover (Attach in plugin.proto): the plugin
// has closed its writing end. What it wrote is forwarded, reading the network
// stops, and the host's end is closed, so that the plugin reads what is in the
// socketpair and then end of file. After an error the stream is only good to Close.
func (s *Stream) Drain(ctx context.Context) error {
	if s.pump == nil {
		return errors.New("transport: drain without a plaintext end")
	}
	if err := s.pump.drain(ctx); err != nil {
		return fmt.Errorf("transport: drain: %w", err)
	}
	return nil
}

// Wire returns the stream as a path's wire, after Drain or instead of Plaintext:
// first residual (kept), then what the host holds, then the network. On TLS one
// WriteFrame is one record.
func (s *Stream) Wire(residual []byte) dataplane.Stream {
	w := &streamWire{s: s, front: residual}
	if s.pump != nil {
		w.front = append(append([]byte(nil), residual...), s.pump.held...)
		w.end = s.pump.get(&s.pump.down)
	}
	s.cork.start()
	return w
}

type streamWire struct {
	s     *Stream
	front []byte // bytes that come before the network's
	end   error  // the network has ended
}

// Read returns as many bytes as are there without waiting, at least one. A TLS
// connection gives one record a Read: the loop fetches the records that lie in the
// buffers, so that a batch of frames stays a batch.
func (w *streamWire) Read(p []byte) (int, error) {
	if len(w.front) > 0 {
		n := copy(p, w.front)
		w.front = w.front[n:]
		return n, nil
	}
	if w.end != nil {
		return 0, w.end
	}
	n, err := w.s.conn.Read(p)
	if n > 0 && err != nil {
		w.end = err // deliver first
		return n, nil
	}
	if err != nil || w.s.tls == nil {
		return n, err
	}
	w.s.cork.instant = true
	for n < len(p) {
		m, err := w.s.conn.Read(p[n:])
		n += m
		if err != nil {
			break // nothing more there, or an error that the next Read meets again
		}
	}
	w.s.cork.instant = false
	return n, nil
}

// WriteFrame appends frame, as one record on TLS, until Flush.
func (w *streamWire) WriteFrame(frame []byte) error {
	_, err := w.s.conn.Write(frame)
	return err
}

// Flush sends what is corked; it blocks while the gateway does not read.
func (w *streamWire) Flush() error { return w.s.cork.flush() }

// Close ends the stream.
func (w *streamWire) Close() error { return w.s.Close() }
