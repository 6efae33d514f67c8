package transport

import (
	"encoding/binary"
	"fmt"

	"github.com/penstock-vpn/penstock/host/internal/esp"
)

// ESP returns a TCP stream as one that carries ESP and IKE as RFC 9329 has it: before each
// packet its length, itself included, in two bytes. The prefix that begins such a stream
// was sent. residual is as in Wire.
func (s *Stream) ESP(residual []byte) esp.Socket {
	return &espStream{streamWire: s.Wire(residual).(*streamWire), buf: make([]byte, 0, readAhead)}
}

// espStream is a stream of packets with their lengths.
type espStream struct {
	*streamWire
	buf []byte // what was read
	at  int    // how far Next has come
}

const lengthSize = 2

// Send sends each bufs[i][offset:], together.
func (s *espStream) Send(bufs [][]byte, offset int) error {
	var head [lengthSize]byte
	for _, b := range bufs {
		binary.BigEndian.PutUint16(head[:], uint16(lengthSize+len(b)-offset))
		if err := s.WriteFrame(head[:]); err != nil {
			return err
		}
		if err := s.WriteFrame(b[offset:]); err != nil {
			return err
		}
	}
	return s.Flush()
}

// SendFragmented sends one that is too large for a datagram of the path; here there is
// no such thing.
func (s *espStream) SendFragmented(packet []byte) error { return s.Send([][]byte{packet}, 0) }

// Fill waits until there is a whole packet.
func (s *espStream) Fill() error {
	s.buf = append(s.buf[:0], s.buf[s.at:]...)
	s.at = 0
	for {
		if n, err := s.size(); err != nil || n > 0 {
			return err
		}
		room := s.buf[len(s.buf):cap(s.buf)]
		n, err := s.Read(room)
		s.buf = s.buf[:len(s.buf)+n]
		if err != nil {
			return err
		}
	}
}

// size is that of the next packet with its length; 0: not all of it is there.
func (s *espStream) size() (int, error) {
	rest := s.buf[s.at:]
	if len(rest) < lengthSize {
		return 0, nil
	}
	n := int(binary.BigEndian.Uint16(rest))
	switch {
	case n < lengthSize:
		return 0, fmt.Errorf("the gateway sent a packet of %d bytes, its length included", n)
	case n > len(rest):
		return 0, nil
	}
	return n, nil
}

// Next is the next packet of those that Fill got.
func (s *espStream) Next() ([]byte, bool) {
	n, err := s.size()
	if n == 0 || err != nil {
		return nil, false
	}
	packet := s.buf[s.at+lengthSize : s.at+n]
	s.at += n
	return packet, true
}
