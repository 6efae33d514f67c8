package gpgate

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/testlab/endpoint"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// A frame of the TLS tunnel; only the EtherType tells the family. A keepalive is the
// magic number and zeros.
//
//	| 1a 2b 3c 4d | EtherType (2) | length (2) | 01 00 00 00 | 00 00 00 00 | packet |
const (
	headerSize  = 16
	etherAt     = 4
	lengthAt    = 6
	typeAt      = 8
	ofData      = 0x01000000
	ofKeepalive = 0
)

// startTunnel is the whole answer that begins the TLS tunnel.
const startTunnel = "START_TUNNEL"

var frames = framing.Spec{
	Header: []byte{0x1a, 0x2b, 0x3c, 0x4d, headerSize - 1: 0}, Length: framing.Field{Offset: lengthAt, Width: 2},
	Type: framing.Field{Offset: typeAt, Width: 4}, DataType: ofData, OnePerRecord: true, MaxPayload: 16384,
}

// tunnel makes the connection the TLS tunnel of the session that the cookie names, and
// serves it to its end.
func (g *gate) tunnel(r *request) error {
	s := g.session(r)
	if s == nil || r.c.Stream.Off {
		g.seen.add(Event{Kind: Refused, Note: "no TLS tunnel for this cookie"})
		return r.say(reply{status: 502})
	}
	if !r.c.ESP.BesideStream {
		s.forgetKeys()
	}
	s.cut()
	if err := s.open(r.c); err != nil {
		return err
	}
	if r.c.Stream.Start != startTunnel || r.c.Stream.Raw != nil {
		g.seen.add(Event{Kind: Played, Path: r.URL.Path})
	}
	if _, err := io.WriteString(r.dialogue, r.c.Stream.Start); err != nil {
		return err
	}
	if r.c.Stream.Raw != nil {
		if _, err := r.dialogue.Write(r.c.Stream.Raw); err != nil {
			return err
		}
		_, err := io.Copy(io.Discard, r.in)
		return err
	}
	early := make([]byte, r.in.Buffered())
	if _, err := io.ReadFull(r.in, early); err != nil {
		return err
	}
	return s.carry(r, early)
}

// carry is the TLS tunnel's life.
func (s *session) carry(r *request, early []byte) error {
	e := Event{User: s.user, Session: s.number}
	t := &gpst{Stream: r.stream.Wire(early), s: s, c: r.c.Stream}
	t.heard.Store(time.Now().UnixNano())
	s.mu.Lock()
	tunnel := s.tunnel
	if tunnel == nil {
		s.mu.Unlock()
		return nil
	}
	p, err := tunnel.Stream(t, frames, r.stream.Info().Overhead, t.control)
	if err != nil {
		s.mu.Unlock()
		return err
	}
	s.stream = p
	s.mu.Unlock()
	e.Kind = Started
	s.g.seen.add(e)
	stop := make(chan struct{})
	go t.keep(p, stop)
	err = p.Wait()
	close(stop)
	s.mu.Lock()
	if s.stream == p {
		s.stream = nil
	}
	s.mu.Unlock()
	e.Kind, e.Note = Stopped, fmt.Sprint(err)
	s.g.seen.add(e)
	return nil
}

// gpst translates between frames with an EtherType and those that the data plane
// knows, which have zeros there.
type gpst struct {
	dataplane.Stream
	s *session
	c Stream

	heard  atomic.Int64 // when something came, in nanoseconds
	asking atomic.Bool  // a keepalive of ours has no answer
	count  int          // of keepalives since
	since  time.Time

	// Of the reader:
	at, skip, length int
	ether            uint16
}

// Read implements dataplane.Stream.
func (t *gpst) Read(p []byte) (int, error) {
	n, err := t.Stream.Read(p)
	t.heard.Store(time.Now().UnixNano())
	for i := 0; i < n; {
		if t.skip > 0 {
			step := min(t.skip, n-i)
			t.skip -= step
			i += step
			continue
		}
		t.header(&p[i])
		i++
	}
	return n, err
}

// header takes the next byte of a header.
func (t *gpst) header(b *byte) {
	switch t.at {
	case etherAt, etherAt + 1:
		t.ether = t.ether<<8 | uint16(*b)
		*b = 0
	case lengthAt, lengthAt + 1:
		t.length = t.length<<8 | int(*b)
	}
	if t.at++; t.at < headerSize {
		return
	}
	if known := t.ether == 0x0800 || t.ether == 0x86dd; !known && (t.ether != 0 || t.length != 0) {
		t.s.g.seen.add(Event{Kind: Breach, User: t.s.user, Session: t.s.number, Note: fmt.Sprintf("EtherType %#04x with %d bytes", t.ether, t.length)})
	}
	t.skip, t.at, t.length, t.ether = t.length, 0, 0, 0
}

// WriteFrame implements dataplane.Stream.
func (t *gpst) WriteFrame(frame []byte) error {
	if len(frame) > headerSize {
		frame[etherAt], frame[etherAt+1] = 0x08, 0x00
		if frame[headerSize]>>4 == 6 {
			frame[etherAt], frame[etherAt+1] = 0x86, 0xdd
		}
	}
	if err := t.Stream.WriteFrame(frame); err != nil || !t.c.Single {
		return err
	}
	return t.Stream.Flush()
}

// storm is how many keepalives a second are more than sense.
const storm = 20

// control hears keepalives: one is an answer if we asked, and else asks us.
func (t *gpst) control(p *endpoint.Path, kind uint32) {
	e := Event{Kind: Keepalive, User: t.s.user, Session: t.s.number, Note: "asked"}
	if kind != ofKeepalive {
		e.Kind, e.Note = Breach, fmt.Sprintf("a frame of type %#08x", kind)
		t.s.g.seen.add(e)
		return
	}
	if time.Since(t.since) > time.Second {
		t.since, t.count = time.Now(), 0
	}
	if t.count++; t.count > storm {
		if t.count == storm+1 {
			e.Kind = Storm
			t.s.g.seen.add(e)
		}
		return
	}
	if t.asking.Swap(false) {
		e.Note = "answered"
	} else if !t.c.Deaf {
		_ = p.Send(ofKeepalive) // or the path has ended
	}
	t.s.g.seen.add(e)
}

// keep asks for signs of life, and leaves a silent client.
func (t *gpst) keep(p *endpoint.Path, stop <-chan struct{}) {
	silence := time.Duration(t.c.Silence) * time.Second
	look := time.NewTicker(silence / 4)
	defer look.Stop()
	var ask <-chan time.Time
	if t.c.Ask > 0 {
		ticker := time.NewTicker(time.Duration(t.c.Ask) * time.Second)
		defer ticker.Stop()
		ask = ticker.C
	}
	for {
		select {
		case <-stop:
			return
		case <-ask:
			t.asking.Store(true)
			_ = p.Send(ofKeepalive) // or the path has ended
		case <-look.C:
			if time.Since(time.Unix(0, t.heard.Load())) > silence {
				p.Close()
			}
		}
	}
}
