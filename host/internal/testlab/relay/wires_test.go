package relay

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dtls"
	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/transport"
)

const packets = 6400

func address(c *net.UDPConn) netip.AddrPort { return c.LocalAddr().(*net.UDPAddr).AddrPort() }

// Over a bad line every packet that comes through reaches the far end once.
func TestDTLSOverABadLine(t *testing.T) {
	for _, suite := range []string{"TLS_PSK_WITH_AES_128_GCM_SHA256", "TLS_PSK_WITH_AES_256_GCM_SHA384", "TLS_PSK_WITH_CHACHA20_POLY1305_SHA256"} {
		for _, rising := range []bool{true, false} {
			name := suite + " down"
			if rising {
				name = suite + " up"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				server := loopback(t)
				r := start(t, server, bad)
				enough := func() bool { return true } // nobody counts them
				client, far := associate(t, server, address(r.listen), suite)
				if rising {
					through(t, client.Wire(), far.Wire(), packets, func() Counts { up, _ := r.Counts(); return up }, enough)
				} else {
					through(t, far.Wire(), client.Wire(), packets, func() Counts { _, down := r.Counts(); return down }, enough)
				}
			})
		}
	}
}

// associate shakes hands with the server, through the relay.
func associate(t *testing.T, server *net.UDPConn, relay netip.AddrPort, suite string) (client, far *transport.DTLS) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	key := bytes.Repeat([]byte{7}, 32)
	accepted := make(chan *transport.DTLS, 1)
	go func() {
		defer close(accepted)
		buf := make([]byte, 2048)
		n, from, err := server.ReadFromUDPAddrPort(buf)
		if err != nil {
			t.Error(err)
			return
		}
		own := server.LocalAddr().(*net.UDPAddr)
		_ = server.Close() // its port becomes that of the connected socket
		conn, err := net.DialUDP("udp", own, net.UDPAddrFromAddrPort(from))
		if err != nil {
			t.Error(err)
			return
		}
		d, err := transport.AcceptDTLS(ctx, conn, buf[:n], dtls.Config{PSK: key, PSKIdentity: "psk"})
		if err != nil {
			t.Error(err)
			return
		}
		accepted <- d
	}()
	client, err := transport.New(transport.Config{}).OpenDTLS(ctx, "127.0.0.1", int(relay.Port()),
		transport.DTLSOptions{PSK: key, PSKIdentity: "psk", SessionID: []byte("relay"), CipherSuites: []string{suite}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	if far = <-accepted; far == nil {
		t.FailNow()
	}
	t.Cleanup(func() { _ = far.Close() })
	return client, far
}

// The same for ESP, which counts what it refuses: all second copies, and nothing else.
func TestESPOverABadLine(t *testing.T) {
	for _, suite := range []string{"aes128gcm16", "chacha20poly1305", "aes128-sha1", "aes256-sha256"} {
		for _, esn := range []bool{false, true} {
			name := suite
			if esn {
				name += " with extended numbers"
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				server, client := loopback(t), loopback(t)
				r := start(t, server, bad)
				from, to := esp.NewWire(&socket{conn: client, to: address(r.listen)}, esp.Handler{}), esp.NewWire(&socket{conn: server}, esp.Handler{})
				install(t, from, to, esp.SuiteNamed(suite), esn)
				counts := func() Counts { up, _ := r.Counts(); return up }
				through(t, from, to, packets, counts, func() bool { return to.Count(esp.Replayed) >= counts().Doubled })
				for v := esp.Malformed; v <= esp.Keepalive; v++ {
					if n := to.Count(v); n != 0 && v != esp.Replayed {
						t.Errorf("%d packets were %s", n, v)
					}
				}
				if n, want := to.Count(esp.Replayed), counts().Doubled; n != want {
					t.Errorf("%d were refused as replayed, %d were doubled", n, want)
				}
			})
		}
	}
}

func install(t *testing.T, from, to *esp.Wire, suite *esp.Suite, esn bool) {
	t.Helper()
	sa := esp.SA{SPI: 4711, Suite: suite, Key: bytes.Repeat([]byte{1}, suite.KeySize), AuthKey: bytes.Repeat([]byte{2}, suite.AuthKeySize), ESN: esn}
	out, err := sa.Outbound()
	must(t, err)
	in, err := sa.Inbound()
	must(t, err)
	from.SetOutbound(out)
	must(t, to.AddInbound(in))
}

// socket is an esp.Socket without batches.
type socket struct {
	conn *net.UDPConn
	to   netip.AddrPort
	buf  [2048]byte
	have []byte
}

func (s *socket) Send(bufs [][]byte, offset int) error {
	for _, b := range bufs {
		if _, err := s.conn.WriteToUDPAddrPort(b[offset:], s.to); err != nil {
			return err
		}
	}
	return nil
}

func (s *socket) Fill() error {
	n, _, err := s.conn.ReadFromUDPAddrPort(s.buf[:])
	s.have = s.buf[:n]
	return err
}

func (s *socket) Next() ([]byte, bool) {
	d := s.have
	s.have = nil
	return d, d != nil
}

func (s *socket) Close() error { return s.conn.Close() }
