package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
)

// recorder is the lower side of a cork: it keeps every write. Reads come from in.
type recorder struct {
	net.Conn // nil: what a cork does not use
	in       io.Reader
	deaf     bool // keeps nothing

	mu     sync.Mutex
	writes [][]byte
}

func (r *recorder) Read(p []byte) (int, error) { return r.in.Read(p) }

func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.deaf {
		r.writes = append(r.writes, bytes.Clone(p))
	}
	return len(p), nil
}

func (r *recorder) Close() error                     { return nil }
func (r *recorder) SetReadDeadline(time.Time) error  { return nil }
func (r *recorder) SetWriteDeadline(time.Time) error { return nil }

func (r *recorder) take() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.writes
	r.writes = nil
	return w
}

// tap lies between a stream's cork and its network and sees what passes.
type tap struct {
	net.Conn
	recorder
}

func (t *tap) Read(p []byte) (int, error)         { return t.Conn.Read(p) }
func (t *tap) SetReadDeadline(d time.Time) error  { return t.Conn.SetReadDeadline(d) }
func (t *tap) SetWriteDeadline(d time.Time) error { return t.Conn.SetWriteDeadline(d) }
func (t *tap) Close() error                       { return t.Conn.Close() }

func (t *tap) Write(p []byte) (int, error) {
	_, _ = t.recorder.Write(p)
	return t.Conn.Write(p)
}

// records counts the TLS records in b, which must end at a border.
func records(t *testing.T, b []byte) (sizes []int) {
	t.Helper()
	for len(b) > 0 {
		if len(b) < 5 || len(b) < 5+int(b[3])<<8+int(b[4]) {
			t.Fatalf("a record is cut")
		}
		n := 5 + int(b[3])<<8 + int(b[4])
		sizes, b = append(sizes, n), b[n:]
	}
	return sizes
}

// TestOneFrameIsOneRecordAndABatchOneWrite also checks the overhead that Info states.
func TestOneFrameIsOneRecordAndABatchOneWrite(t *testing.T) {
	suites := []struct {
		version, id uint16
	}{
		{tls.VersionTLS13, tls.TLS_AES_128_GCM_SHA256},
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384},
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256},
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA},
		{tls.VersionTLS12, tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256},
	}
	cert := newAuthority(t).issue(newKey(t), nil)
	for _, suite := range suites {
		t.Run(tls.VersionName(suite.version)+" "+tls.CipherSuiteName(suite.id), func(t *testing.T) {
			near, far := net.Pipe()
			config := &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: suite.version, CipherSuites: []uint16{suite.id}}
			go serveTLS(config, func(c *tls.Conn) { _, _ = io.Copy(io.Discard, c) })(far)
			between := &tap{Conn: near}
			s := &Stream{raw: between, cork: newCork(between)}
			s.tls = tls.Client(s.cork, &tls.Config{InsecureSkipVerify: true, DynamicRecordSizingDisabled: true, CipherSuites: []uint16{suite.id}})
			s.conn = s.tls
			must(t, s.tls.Handshake())
			defer func() { _ = s.Close() }()
			wire := s.Wire(nil)
			between.take()
			for _, size := range []int{1, 100, 1400, 16384} {
				must(t, wire.WriteFrame(make([]byte, size)))
			}
			if w := between.take(); len(w) != 0 {
				t.Fatalf("%d writes before Flush", len(w))
			}
			must(t, wire.Flush())
			w := between.take()
			if len(w) != 1 {
				t.Fatalf("%d writes for one Flush", len(w))
			}
			state := s.tls.ConnectionState()
			checkOverhead(t, records(t, w[0]), recordOverhead(state.Version, state.CipherSuite))
		})
	}
}

// checkOverhead wants 4 records: exact for an AEAD, at most a block less for CBC.
func checkOverhead(t *testing.T, sizes []int, overhead int) {
	t.Helper()
	if len(sizes) != 4 {
		t.Fatalf("4 frames made %d records", len(sizes))
	}
	for i, frame := range []int{1, 100, 1400, 16384} {
		added := sizes[i] - frame
		aead := overhead < 40
		if added > overhead || aead && added != overhead || added < overhead-16 {
			t.Errorf("frame of %d: the record adds %d, stated are %d", frame, added, overhead)
		}
	}
}

func TestCorkSendsWhenFull(t *testing.T) {
	lower := &recorder{}
	c := newCork(lower)
	c.start()
	want := pattern(corkSize + 5000)
	for at := 0; at < len(want); at += 1000 {
		_, err := c.Write(want[at:min(at+1000, len(want))])
		must(t, err)
	}
	must(t, c.flush())
	must(t, c.flush()) // nothing to send: no write
	w := lower.take()
	if len(w) != 2 || len(w[0]) > corkSize || !bytes.Equal(bytes.Join(w, nil), want) {
		t.Errorf("%d writes", len(w))
	}
	huge := pattern(corkSize + 1)
	_, err := c.Write([]byte("before"))
	must(t, err)
	_, err = c.Write(huge)
	must(t, err)
	if got := bytes.Join(lower.take(), nil); !bytes.Equal(got, append([]byte("before"), huge...)) {
		t.Error("a write larger than the cork came out of order")
	}
}

func TestCorkRemembersAFailedWrite(t *testing.T) {
	near, far := net.Pipe()
	must(t, far.Close())
	c := newCork(near)
	c.start()
	_, err := c.Write([]byte("x"))
	must(t, err)
	for range 2 {
		if err := c.flush(); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := c.Write([]byte("y")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

func TestCorkReadsAhead(t *testing.T) {
	data := pattern(3 * readAhead)
	c := newCork(&recorder{in: bytes.NewReader(data)})
	var got []byte
	p := make([]byte, 700)
	for len(got) < len(data) {
		n, err := c.Read(p)
		must(t, err)
		got = append(got, p[:n]...)
	}
	c.instant = true
	if _, err := c.Read(p); !errors.Is(err, os.ErrDeadlineExceeded) || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, then %v", len(got), err)
	}
}

// TestWireReadsABatch: what lies in the buffers comes in one Read, although TLS
// gives a record at a time; nothing waits for more.
func TestWireReadsABatch(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		near, far := net.Pipe()
		s := &Stream{raw: near, cork: newCork(near)}
		s.tls = tls.Client(s.cork, &tls.Config{InsecureSkipVerify: true})
		s.conn = s.tls
		gather := newCork(far)
		server := tls.Server(gather, &tls.Config{Certificates: []tls.Certificate{newAuthority(t).issue(newKey(t), nil)}, MaxVersion: version})
		sent := make(chan error, 1)
		want := pattern(50 * 1400)
		go func() {
			sent <- func() error {
				if err := server.Handshake(); err != nil {
					return err
				}
				gather.start()
				for at := 0; at < len(want); at += 1400 {
					if _, err := server.Write(want[at : at+1400]); err != nil {
						return err
					}
				}
				return gather.flush()
			}()
		}()
		must(t, s.tls.Handshake())
		wire := s.Wire([]byte("residual"))
		p := make([]byte, 1<<20)
		n, err := wire.Read(p)
		if string(p[:n]) != "residual" || err != nil {
			t.Fatalf("got %q, %v", p[:n], err)
		}
		n, err = wire.Read(p)
		must(t, err)
		must(t, <-sent)
		if !bytes.Equal(p[:n], want) {
			t.Errorf("%s: one Read gave %d of %d bytes", tls.VersionName(version), n, len(want))
		}
		must(t, far.Close())
		if n, err := wire.Read(p); n != 0 || err == nil {
			t.Errorf("after the end: %d, %v", n, err)
		}
	}
}

// TestCloseEndsABlockedFlush: nobody reads the other side.
func TestCloseEndsABlockedFlush(t *testing.T) {
	for name, pair := range map[string]func(t *testing.T) *Stream{
		"tcp": func(t *testing.T) *Stream { s, _ := tcpPair(t); return s },
		"tls": func(t *testing.T) *Stream { s, _ := tlsPair(t, tls.VersionTLS13); return s },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wire := pair(t).Wire(nil)
				must(t, wire.WriteFrame([]byte("frame")))
				flushed := make(chan error)
				go func() { flushed <- wire.Flush() }()
				synctest.Wait() // Flush blocks
				start := time.Now()
				_ = wire.Close()
				if err := <-flushed; err == nil {
					t.Error("flushed to nobody")
				}
				if time.Since(start) > 0 {
					t.Errorf("took %v", time.Since(start))
				}
			})
		})
	}
}

// TestCloseSaysGoodbye: the server sees a close_notify after the last frame.
func TestCloseSaysGoodbye(t *testing.T) {
	s, server := tlsPair(t, tls.VersionTLS13)
	wire := s.Wire(nil)
	must(t, wire.WriteFrame([]byte("last")))
	got := make(chan string, 1)
	go func() {
		b, err := io.ReadAll(server)
		if err != nil {
			b = []byte(err.Error())
		}
		got <- string(b)
	}()
	_ = wire.Close()
	if g := <-got; g != "last" {
		t.Errorf("the server got %q", g)
	}
}

// TestCloseIsBounded: nobody reads the goodbye.
func TestCloseIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := tlsPair(t, tls.VersionTLS13)
		start := time.Now()
		_ = s.Wire(nil).Close()
		if d := time.Since(start); d > closeGrace {
			t.Errorf("took %v", d)
		}
	})
}

// TestWireDoesNotAllocate: sending allocates nothing, and receiving no more than
// crypto/tls does for each read of the network.
func TestWireDoesNotAllocate(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		s, _ := tlsPair(t, version)
		s.cork.Conn = &recorder{in: bytes.NewReader(nil)}
		s.cork.Conn.(*recorder).deaf = true
		wire, frame := s.Wire(nil), make([]byte, 1400)
		if n := testing.AllocsPerRun(100, func() {
			for range 32 {
				must(t, wire.WriteFrame(frame))
			}
			must(t, wire.Flush())
		}); n != 0 && !raceDetector {
			t.Errorf("%s: %v allocations to send 32 frames", tls.VersionName(version), n)
		}
	}
	c := newCork(&recorder{in: endless{}})
	p := make([]byte, 2000)
	if n := testing.AllocsPerRun(1000, func() { _, _ = c.Read(p) }); n != 0 {
		t.Errorf("%v allocations to read", n)
	}
}

// endless fills what it is given.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// echoWire is the wire of a connection to a server that sends back what comes.
func echoWire(t testing.TB, config *tls.Config) dataplane.Stream {
	t.Helper()
	d := New(Config{ConfirmCertificate: trustAll})
	s, err := d.OpenTLS(t.Context(), "127.0.0.1", listen(t, serveTLS(config, echoTLS)), TLSOptions{})
	must(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s.Wire(nil)
}

func trustAll(context.Context, string, []*x509.Certificate, error) (bool, error) { return true, nil }

// exchangeBatch sends 32 frames in a batch and waits until they are back.
func exchangeBatch(t testing.TB, wire dataplane.Stream, frame, p []byte) {
	const batch = 32
	for range batch {
		must(t, wire.WriteFrame(frame))
	}
	must(t, wire.Flush())
	for n := 0; n < batch*len(frame); {
		m, err := wire.Read(p)
		must(t, err)
		n += m
	}
}

func BenchmarkTLSWire(b *testing.B) {
	cert := newAuthority(b).issue(newKey(b), nil)
	wire := echoWire(b, &tls.Config{Certificates: []tls.Certificate{cert}})
	frame, p := make([]byte, 1400), make([]byte, 64<<10)
	b.SetBytes(32 * 1400)
	b.ReportAllocs()
	for b.Loop() {
		exchangeBatch(b, wire, frame, p)
	}
}
