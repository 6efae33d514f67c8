package testlab

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

// Store is a service on the gateway's inside that gives and takes data. A request
// is 'd' or 'u' and a size in 8 bytes, big endian. The data follows in the
// direction asked for, and after it, from the service, its sha256 of them.
type Store struct {
	Rate     int64             // bytes a second that the client takes or gives at most; 0: all it can
	Progress func(bytes int64) // called during transfers with what has moved so far; may be nil

	lab      *Lab
	listener net.Listener
	accepted atomic.Int64
}

const (
	download = 'd'
	upload   = 'u'
)

// OpenStore starts the service on an inside address.
func (l *Lab) OpenStore(address string) (*Store, error) {
	s := &Store{lab: l}
	err := l.Gateway.Do(func() (err error) {
		s.listener, err = net.Listen("tcp", net.JoinHostPort(address, "0"))
		return err
	})
	if err != nil {
		return nil, err
	}
	go s.serve()
	return s, nil
}

// Accepted is how many transfers began.
func (s *Store) Accepted() int64 { return s.accepted.Load() }

// Close ends the service; transfers under way go on.
func (s *Store) Close() error { return s.listener.Close() }

func (s *Store) serve() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.accepted.Add(1)
		go func() {
			defer c.Close()
			answer(c)
		}()
	}
}

func answer(c net.Conn) error {
	var request [9]byte
	if _, err := io.ReadFull(c, request[:]); err != nil {
		return err
	}
	hash := sha256.New()
	size := int64(binary.BigEndian.Uint64(request[1:]))
	var err error
	if request[0] == download {
		_, err = io.CopyN(io.MultiWriter(c, hash), noise(), size)
	} else {
		_, err = io.CopyN(hash, c, size)
	}
	if err != nil {
		return err
	}
	_, err = c.Write(hash.Sum(nil))
	return err
}

// noise is data that nothing can compress or guess.
func noise() io.Reader { return rand.NewChaCha8([32]byte{1: 1}) }

// Transfer is one that ended well.
type Transfer struct {
	Bytes   int64
	Took    time.Duration
	Longest time.Duration // in which no byte moved
}

// Mbps is the rate in 10^6 bits a second.
func (t Transfer) Mbps() float64 { return float64(t.Bytes) * 8 / 1e6 / t.Took.Seconds() }

// String is for people.
func (t Transfer) String() string {
	return fmt.Sprintf("%d MB in %.2f s (%.0f Mb/s)", t.Bytes/1e6, t.Took.Seconds(), t.Mbps())
}

// Download fetches size bytes through the client's tunnel and compares sha256.
func (s *Store) Download(ctx context.Context, size int64) (Transfer, error) {
	return s.transfer(ctx, download, size, func(c net.Conn, watch io.Writer, hash io.Writer) error {
		_, err := io.CopyN(io.MultiWriter(hash, watch), s.pace(c), size)
		return err
	})
}

// Upload is Download in the other direction.
func (s *Store) Upload(ctx context.Context, size int64) (Transfer, error) {
	return s.transfer(ctx, upload, size, func(c net.Conn, watch io.Writer, hash io.Writer) error {
		_, err := io.CopyN(io.MultiWriter(c, hash, watch), s.pace(noise()), size)
		return err
	})
}

func (s *Store) transfer(ctx context.Context, kind byte, size int64, move func(c net.Conn, watch, hash io.Writer) error) (Transfer, error) {
	c, err := s.lab.Client.Dial(ctx, s.listener.Addr().String())
	if err != nil {
		return Transfer{}, err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	start := time.Now()
	watch, hash := &stopwatch{last: start, progress: s.Progress}, sha256.New()
	if _, err := c.Write(binary.BigEndian.AppendUint64([]byte{kind}, uint64(size))); err != nil {
		return Transfer{}, err
	}
	if err := move(c, watch, hash); err != nil {
		return Transfer{}, fmt.Errorf("transfer broke after %d bytes: %w", watch.bytes, errors.Join(err, context.Cause(ctx)))
	}
	theirs := make([]byte, sha256.Size)
	if _, err := io.ReadFull(c, theirs); err != nil {
		return Transfer{}, fmt.Errorf("no sha256 at the end of the transfer: %w", err)
	}
	t := Transfer{Bytes: size, Took: time.Since(start), Longest: watch.longest}
	if !bytes.Equal(theirs, hash.Sum(nil)) {
		return t, fmt.Errorf("sha256 of %d bytes differs: %x sent or received here, %x there", size, hash.Sum(nil), theirs)
	}
	return t, nil
}

// pace slows reading down to the store's rate.
func (s *Store) pace(r io.Reader) io.Reader {
	if s.Rate == 0 {
		return r
	}
	return &paced{r: r, rate: s.Rate, start: time.Now()}
}

// paced reads no further than the rate allows since the start.
type paced struct {
	r     io.Reader
	rate  int64
	start time.Time
	done  int64
}

func (p *paced) Read(b []byte) (int, error) {
	due := p.start.Add(time.Duration(float64(p.done) / float64(p.rate) * float64(time.Second)))
	<-time.After(time.Until(due))
	n, err := p.r.Read(b)
	p.done += int64(n)
	return n, err
}

// stopwatch notes the longest pause between writes.
type stopwatch struct {
	last    time.Time
	longest time.Duration
	bytes   int64

	progress func(int64)
}

func (w *stopwatch) Write(p []byte) (int, error) {
	now := time.Now()
	w.longest = max(w.longest, now.Sub(w.last))
	w.last = now
	w.bytes += int64(len(p))
	if w.progress != nil {
		w.progress(w.bytes)
	}
	return len(p), nil
}

// Dial opens a TCP connection from the machine to an IP address and port.
func (m *Machine) Dial(ctx context.Context, address string) (c net.Conn, err error) {
	err = m.Do(func() error {
		c, err = (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", address)
		return err
	})
	return c, err
}
