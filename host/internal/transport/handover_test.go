package transport

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"testing"
)

// pattern is n bytes that say where they stand.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	return b
}

// handover moves down bytes to the client and up bytes from it, through both lives
// of a stream, and checks that they arrive whole and in order. The plugin reads cut bytes and
// treats of them the last few as read too much.
func handover(t *testing.T, s *Stream, far net.Conn, down []byte, cut int, r *rand.Rand) {
	t.Helper()
	up := pattern(100 + r.IntN(100))
	failed := make(chan error, 2)
	seed := r.Uint64()
	go func() { failed <- sendPieces(far, down, seed) }()
	received := make(chan []byte, 1)
	go func() {
		got := make([]byte, len(up)+4)
		_, err := io.ReadFull(far, got)
		failed <- err
		received <- got
	}()

	plugin := plaintext(t, s)
	must(t, sendPieces(plugin, up, r.Uint64()))
	read := make([]byte, cut)
	_, err := io.ReadFull(plugin, read)
	must(t, err)
	keep := r.IntN(cut + 1) // the plugin's own; the rest is over-read
	must(t, plugin.CloseWrite())
	must(t, s.Drain(t.Context()))
	rest, err := io.ReadAll(plugin)
	must(t, err)
	wire := s.Wire(append(bytes.Clone(read[keep:]), rest...))
	must(t, wire.WriteFrame([]byte("more")))
	must(t, wire.Flush())

	got := make([]byte, len(down))
	copy(got, read[:keep])
	_, err = io.ReadFull(reader{wire}, got[keep:])
	must(t, err)
	if !bytes.Equal(got, down) {
		t.Fatalf("cut at %d: the bytes from the network differ", cut)
	}
	must(t, <-failed)
	must(t, <-failed)
	if want := append(up, "more"...); !bytes.Equal(<-received, want) {
		t.Fatalf("cut at %d: the bytes to the network differ", cut)
	}
}

// reader makes a wire an io.Reader.
type reader struct{ r io.Reader }

func (r reader) Read(p []byte) (int, error) { return r.r.Read(p) }

// sendPieces writes data in pieces of random size, giving way now and then.
func sendPieces(w io.Writer, data []byte, seed uint64) error {
	r := rand.New(rand.NewPCG(seed, 7))
	for len(data) > 0 {
		n := min(len(data), 1+r.IntN(60))
		if _, err := w.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
		for range r.IntN(4) {
			runtime.Gosched()
		}
	}
	return nil
}

// TestHandoverCutAtEveryByte is the promise of Attach.
func TestHandoverCutAtEveryByte(t *testing.T) {
	down := pattern(300)
	cert := newAuthority(t).issue(newKey(t), nil)
	for cut := range len(down) + 1 {
		r := rand.New(rand.NewPCG(uint64(cut), 1))
		t.Run(fmt.Sprintf("tcp/%d", cut), func(t *testing.T) {
			s, far := tcpPair(t)
			handover(t, s, far, down, cut, r)
		})
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(fmt.Sprintf("%s/%d", tls.VersionName(version), cut), func(t *testing.T) {
				s, far := tlsPairOn(t, version, cert)
				handover(t, s, far, down, cut, r)
			})
		}
	}
}

// TestHandoverWithFullSocketpair drains while the plugin reads nothing: what does
// not fit goes on to the wire.
func TestHandoverWithFullSocketpair(t *testing.T) {
	s, far := tlsPair(t, tls.VersionTLS13)
	plugin := plaintext(t, s)
	down := pattern(4 << 20)
	sent := make(chan error, 1)
	go func() { sent <- sendLarge(far, down) }()
	first := make([]byte, 10)
	_, err := io.ReadFull(plugin, first)
	must(t, err)
	must(t, plugin.CloseWrite())
	must(t, s.Drain(t.Context()))
	rest, err := io.ReadAll(plugin)
	must(t, err)
	if len(rest) == 0 || len(rest) >= len(down)-10 {
		t.Fatalf("the plugin got %d bytes, the test wants some of them held", len(rest))
	}
	got := make([]byte, len(down)-10)
	_, err = io.ReadFull(reader{s.Wire(rest)}, got)
	must(t, err)
	must(t, <-sent)
	if !bytes.Equal(got, down[10:]) {
		t.Error("the bytes differ")
	}
}

func sendLarge(w io.Writer, data []byte) error {
	_, err := w.Write(data)
	return err
}

// TestHandoverAfterTheNetworkEnded keeps data and end of file.
func TestHandoverAfterTheNetworkEnded(t *testing.T) {
	s, far := tlsPair(t, tls.VersionTLS13)
	plugin := plaintext(t, s)
	go func() {
		_, _ = far.Write([]byte("last words"))
		_ = far.Close()
	}()
	first := make([]byte, 4)
	_, err := io.ReadFull(plugin, first)
	must(t, err)
	<-s.pump.downDone
	must(t, plugin.CloseWrite())
	must(t, s.Drain(t.Context()))
	rest, err := io.ReadAll(plugin)
	must(t, err)
	got, err := io.ReadAll(reader{s.Wire(rest)})
	if string(first)+string(got) != "last words" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	if s.Err() != nil {
		t.Errorf("an orderly end is an error: %v", s.Err())
	}
}

func TestDrainWaitsForThePluginOnlyAsLongAsAllowed(t *testing.T) {
	s, _ := tcpPair(t)
	plaintext(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Drain(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestDrainReportsALostNetwork(t *testing.T) {
	s, far := tcpPair(t)
	plugin := plaintext(t, s)
	must(t, far.Close())
	_, err := plugin.Write([]byte("into the void"))
	must(t, err)
	<-s.pump.upDone
	must(t, plugin.CloseWrite())
	if err := s.Drain(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
	if s.Err() == nil {
		t.Error("Err is nil")
	}
}

func TestPlaintextOnce(t *testing.T) {
	s, _ := tcpPair(t)
	plaintext(t, s)
	if _, err := s.Plaintext(); err == nil {
		t.Error("given out twice")
	}
	other, _ := tcpPair(t)
	if err := other.Drain(t.Context()); err == nil {
		t.Error("drained without a plaintext")
	}
}

func TestCloseEndsThePlaintext(t *testing.T) {
	s, far := tcpPair(t)
	plugin := plaintext(t, s)
	must(t, s.Close())
	if _, err := plugin.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("plugin: %v", err)
	}
	if _, err := far.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("network: %v", err)
	}
}
