package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// dtlsServer is an openssl s_server for one client: its standard input and output
// are the tunnel.
type dtlsServer struct {
	port int
	in   io.WriteCloser
	out  *output
	stop func()
}

// output keeps what was written and says when there is more.
type output struct {
	mu   sync.Mutex
	data bytes.Buffer
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.data.Write(p)
	select {
	case o.more <- struct{}{}:
	default:
	}
	return len(p), nil
}

// await waits until n bytes have come.
func (o *output) await(t *testing.T, n int) string {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for {
		o.mu.Lock()
		text := o.data.String()
		o.mu.Unlock()
		if len(text) >= n {
			return text
		}
		select {
		case <-o.more:
		case <-deadline:
			t.Fatalf("%d of %d bytes came", len(text), n)
		}
	}
}

func startDTLS(t *testing.T, suite string) *dtlsServer {
	t.Helper()
	port := freePort(t)
	cmd := exec.Command("openssl", "s_server", "-dtls1_2", "-nocert", "-listen", "-quiet", "-accept", "127.0.0.1:"+itoa(port),
		"-psk", strings.Repeat("5a", 32), "-psk_identity", "psk", "-cipher", suite)
	out := &output{more: make(chan struct{}, 1)}
	cmd.Stdout = out
	in, err := cmd.StdinPipe()
	must(t, err)
	must(t, cmd.Start())
	s := &dtlsServer{port: port, in: in, out: out}
	s.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	t.Cleanup(s.stop)
	return s
}

// freePort is a UDP port that no client gets by itself: one that dials before the
// server listens could be its own peer.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 10000 + rand.IntN(20000)
		if conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}); err == nil {
			must(t, conn.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

var pskOptions = DTLSOptions{PSK: bytes.Repeat([]byte{0x5a}, 32), PSKIdentity: "psk", SessionID: []byte("mark")}

func TestDTLSWire(t *testing.T) {
	for suite, overhead := range map[string]int{"PSK-AES128-GCM-SHA256": 28 + 37, "PSK-CHACHA20-POLY1305": 28 + 29} {
		t.Run(suite, func(t *testing.T) {
			server := startDTLS(t, suite)
			d, err := New(Config{Resolver: loopback}).OpenDTLS(t.Context(), "vpn.test", server.port, pskOptions)
			must(t, err)
			defer func() { _ = d.Close() }()
			info := d.Info()
			if info.Kind != "dtls" || info.Overhead != overhead || info.PathMTU < 1000 || !strings.HasPrefix(info.Cipher, "TLS_PSK_WITH_") {
				t.Errorf("got %+v", info)
			}
			wire := d.Wire()
			bufs := frames(append(repeatSize(batchSize, 100), 10)...) // the server has a small buffer
			var want []byte
			for _, b := range bufs {
				want = append(want, b[headroom:]...)
			}
			must(t, wire.Send(bufs, headroom))
			if got := server.out.await(t, len(want)); got != string(want) {
				t.Error("the server got something else")
			}
			_, err = io.WriteString(server.in, "welcome\n")
			must(t, err)
			if got := receiveAll(t, wire, 1, batchSize); string(got[0]) != "welcome\n" {
				t.Errorf("got %q", got[0])
			}
			must(t, server.in.Close()) // s_server ends, with a close_notify
			if _, err := wire.Recv(frames(100), make([]int, 1), headroom); !errors.Is(err, io.EOF) {
				t.Errorf("got %v", err)
			}
			if _, err := wire.Recv(frames(100), make([]int, 1), headroom); !errors.Is(err, io.EOF) {
				t.Errorf("again: %v", err)
			}
		})
	}
}

func TestDTLSWireDoesNotAllocate(t *testing.T) {
	server := startDTLS(t, "PSK-AES128-GCM-SHA256")
	d, err := New(Config{Resolver: loopback}).OpenDTLS(t.Context(), "vpn.test", server.port, pskOptions)
	must(t, err)
	defer func() { _ = d.Close() }()
	wire, bufs := d.Wire(), frames(repeatSize(32, 1000)...)
	if n := testing.AllocsPerRun(20, func() { must(t, wire.Send(bufs, headroom)) }); n != 0 {
		t.Errorf("%v allocations to send 32 frames", n)
	}
}

func TestDTLSCloseEndsRecv(t *testing.T) {
	server := startDTLS(t, "PSK-AES128-GCM-SHA256")
	d, err := New(Config{Resolver: loopback}).OpenDTLS(t.Context(), "vpn.test", server.port, pskOptions)
	must(t, err)
	wire := d.Wire()
	received := make(chan error, 1)
	go func() {
		_, err := wire.Recv(frames(100), make([]int, 1), headroom)
		received <- err
	}()
	must(t, wire.Close())
	if err := <-received; !errors.Is(err, net.ErrClosed) && !errors.Is(err, io.EOF) { // the server may answer the close_notify
		t.Errorf("got %v", err)
	}
	if err := wire.Send(frames(10), headroom); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestDTLSDiagnostics(t *testing.T) {
	silent, port := peer(t)
	d := New(Config{Resolver: loopback})
	o := pskOptions
	o.Timeout = 50 * time.Millisecond
	_, err := d.OpenDTLS(t.Context(), "vpn.test", port, o)
	if got := wantDiagnostic(t, err, diag.Unreachable, ""); !strings.Contains(got.Detail, "UDP") {
		t.Errorf("got %v", got)
	}
	buf := make([]byte, 100)
	if _, _, err := silent.ReadFromUDPAddrPort(buf); err != nil || buf[0] != 22 {
		t.Errorf("no ClientHello: % x, %v", buf[:13], err)
	}
	_, err = d.OpenDTLS(t.Context(), "vpn.test", port, DTLSOptions{})
	wantDiagnostic(t, err, diag.Protocol, "")
	server := startDTLS(t, "PSK-AES128-GCM-SHA256")
	o = pskOptions
	o.PSK = []byte("another key")
	o.Timeout = 3 * time.Second
	if _, err = d.OpenDTLS(t.Context(), "vpn.test", server.port, o); err == nil {
		t.Error("a wrong key is accepted")
	}
}

// Where a packet cannot fit, the gateway hears nothing: it would send into the tunnel.
func TestDTLSThroughANarrowPath(t *testing.T) {
	silent, port := peer(t)
	o := pskOptions
	o.MinPayload = 65535
	_, err := New(Config{Resolver: loopback}).OpenDTLS(t.Context(), "vpn.test", port, o)
	if got := wantDiagnostic(t, err, diag.Unreachable, ""); !strings.Contains(got.Detail, "are needed") {
		t.Errorf("got %v", got)
	}
	must(t, silent.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	if n, err := silent.Read(make([]byte, 100)); err == nil {
		t.Errorf("it heard %d bytes", n)
	}
}
