package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
)

// framed are packets with their lengths before them.
func framed(packets ...[]byte) (b []byte) {
	for _, p := range packets {
		b = append(binary.BigEndian.AppendUint16(b, uint16(2+len(p))), p...)
	}
	return b
}

// espTCP is a stream of ESP, and its other end.
func espTCP(t *testing.T, residual []byte) (*espStream, net.Conn) {
	t.Helper()
	s, far := tcpPair(t)
	return s.ESP(residual).(*espStream), far
}

// next waits for a packet.
func (s *espStream) next(t *testing.T) []byte {
	t.Helper()
	for {
		if p, ok := s.Next(); ok {
			return p
		}
		must(t, s.Fill())
	}
}

// Wherever the stream is cut, in the handover or by the network, the packets are whole.
func TestESPStream(t *testing.T) {
	packets := [][]byte{[]byte("ike"), bytes.Repeat([]byte{7}, 1500), {}, bytes.Repeat([]byte{8}, 65533)}
	all := framed(packets...)
	for _, cut := range []int{0, 1, 2, 4, 5, 6, 700, len(all)} {
		s, far := espTCP(t, all[:cut])
		go func() {
			for rest := all[cut:]; len(rest) > 0; {
				n := min(len(rest), 1000)
				if _, err := far.Write(rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		for i, want := range packets {
			if got := s.next(t); !bytes.Equal(got, want) {
				t.Fatalf("cut at %d, packet %d: %d bytes, want %d", cut, i, len(got), len(want))
			}
		}
	}
}

func TestESPStreamSends(t *testing.T) {
	s, far := espTCP(t, nil)
	bufs := frames(1, 900, 1400)
	sent := make(chan error, 1)
	go func() { sent <- errors.Join(s.Send(bufs, headroom), s.SendFragmented([]byte("a long message"))) }()
	want := framed(bufs[0][headroom:], bufs[1][headroom:], bufs[2][headroom:], []byte("a long message"))
	got := make([]byte, len(want))
	_, err := io.ReadFull(far, got)
	must(t, err)
	must(t, <-sent)
	if !bytes.Equal(got, want) {
		t.Errorf("%d bytes came, another stream", len(got))
	}
}

// A length that cannot be ends the stream, and so does its end.
func TestESPStreamEnds(t *testing.T) {
	for _, b := range [][]byte{{0, 0}, {0, 1}} {
		s, _ := espTCP(t, b)
		if err := s.Fill(); err == nil {
			t.Errorf("%x: no error", b)
		}
	}
	s, far := espTCP(t, []byte{0, 9, 1})
	far.Close()
	if err := s.Fill(); err == nil {
		t.Error("the end is no error")
	}
}

func FuzzESPStream(f *testing.F) {
	f.Add(framed([]byte("one"), []byte("two")))
	f.Add([]byte{0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		s := &espStream{streamWire: &streamWire{front: b, end: io.EOF}, buf: make([]byte, 0, readAhead)}
		total := 0
		for s.Fill() == nil {
			for {
				p, ok := s.Next()
				if !ok {
					break
				}
				total += lengthSize + len(p)
			}
		}
		if total > len(b) {
			t.Fatalf("%d bytes of packets in %d", total, len(b))
		}
	})
}
