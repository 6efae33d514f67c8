package tunnel

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
)

// prefix begins a stream of IKE and ESP (RFC 9329), once.
const prefix = "IKETCP"

const lengthSize = 2 // before each message, itself included

// byteStream is a TCP transport.
type byteStream interface {
	net.Conn
	Info() sdk.Info
}

// stream is a Conn over TCP: one Write or Read is one message, or one packet of ESP, as
// on UDP.
type stream struct {
	byteStream

	writing sync.Mutex
	begun   bool

	reading sync.Mutex
	buf     []byte // was read and not handed out
}

// Write implements net.Conn.
func (s *stream) Write(p []byte) (int, error) {
	if len(p) > maxDatagram-lengthSize {
		return 0, errTooLong
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	var b []byte
	if !s.begun {
		b = append(b, prefix...)
	}
	b = append(binary.BigEndian.AppendUint16(b, uint16(lengthSize+len(p))), p...)
	if _, err := s.byteStream.Write(b); err != nil {
		return 0, err
	}
	s.begun = true
	return len(p), nil
}

var (
	errTooLong = errors.New("the message is longer than a stream of IKE takes")
	errLength  = errors.New("the gateway's stream is not one of IKE")
)

// Read implements net.Conn.
func (s *stream) Read(p []byte) (int, error) {
	s.reading.Lock()
	defer s.reading.Unlock()
	for {
		message, rest, err := cut(s.buf)
		if err != nil {
			return 0, err
		}
		if message != nil {
			n := copy(p, message)
			s.buf = rest
			return n, nil
		}
		more := make([]byte, maxDatagram)
		n, err := s.byteStream.Read(more)
		s.buf = append(s.buf, more[:n]...)
		if err != nil {
			return 0, err
		}
	}
}

// cut takes the first message off b; nil: not all of it is there.
func cut(b []byte) (message, rest []byte, err error) {
	if len(b) < lengthSize {
		return nil, b, nil
	}
	n := int(binary.BigEndian.Uint16(b))
	switch {
	case n < lengthSize:
		return nil, b, errLength
	case n > len(b):
		return nil, b, nil
	}
	return b[lengthSize:n:n], b[n:], nil
}

// over ends reading and returns what was read and not handed out, for who reads on.
func (s *stream) over() []byte {
	_ = s.SetReadDeadline(time.Unix(1, 0))
	s.reading.Lock()
	defer s.reading.Unlock()
	return s.buf
}
