package transport

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// rawPeer is the other end of raw packets, at an address of loopback that is its own.
func rawPeer(t *testing.T, network string, ip net.IP) *net.IPConn {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("needs root")
	}
	conn, err := net.ListenIP(network, &net.IPAddr{IP: ip})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func openRaw(t *testing.T, host string) *Packets {
	t.Helper()
	p, err := New(Config{}).OpenRaw(t.Context(), host, 47)
	must(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// Packets go both ways in batches, without the IP header.
func TestRawCarriesPackets(t *testing.T) {
	peer := rawPeer(t, "ip4:47", net.IPv4(127, 0, 0, 2))
	p := openRaw(t, "127.0.0.2")
	info := p.Info()
	if info.Kind != "raw" || info.Overhead != 20 || info.PathMTU < 1500 || info.Remote.String() != "127.0.0.2:0" || info.Local.Addr().String() != "127.0.0.1" {
		t.Errorf("info is %+v", info)
	}
	w := p.Wire()
	sent := frames(1400, 1, 700, 1400, 1400)
	must(t, w.Send(sent, headroom))
	must(t, peer.SetDeadline(time.Now().Add(20*time.Second)))
	buf := make([]byte, maxDatagram)
	for _, b := range sent {
		n, from, err := peer.ReadFrom(buf)
		must(t, err)
		if !bytes.Equal(buf[:n], b[headroom:]) {
			t.Fatalf("got %d bytes, want %d", n, len(b)-headroom)
		}
		_, err = peer.WriteTo(buf[:n], from)
		must(t, err)
	}
	got, sizes := frames(2000, 2000, 2000), make([]int, 3)
	for left := sent; len(left) > 0; {
		n, err := w.Recv(got, sizes, headroom)
		must(t, err)
		for i := range n {
			if !bytes.Equal(got[i][headroom:headroom+sizes[i]], left[0][headroom:]) {
				t.Fatalf("got %d bytes, want %d", sizes[i], len(left[0])-headroom)
			}
			left = left[1:]
		}
	}
}

// A plugin's plaintext end, and ESP's socket, see no IP header either.
func TestRawPlaintext(t *testing.T) {
	peer := rawPeer(t, "ip4:47", net.IPv4(127, 0, 0, 3))
	p := openRaw(t, "127.0.0.3")
	file, err := p.Plaintext()
	must(t, err)
	defer file.Close()
	_, err = file.Write([]byte("out"))
	must(t, err)
	must(t, peer.SetDeadline(time.Now().Add(20*time.Second)))
	buf := make([]byte, 100)
	n, from, err := peer.ReadFrom(buf)
	if err != nil || string(buf[:n]) != "out" {
		t.Fatalf("got %q, %v", buf[:n], err)
	}
	_, err = peer.WriteTo([]byte("in"), from)
	must(t, err)
	if n, err = file.Read(buf); err != nil || string(buf[:n]) != "in" {
		t.Fatalf("got %q, %v", buf[:n], err)
	}
	must(t, unix.Shutdown(int(file.Fd()), unix.SHUT_WR))
	must(t, p.Drain(t.Context()))
	_, err = peer.WriteTo([]byte("later"), from)
	must(t, err)
	s := p.ESP()
	must(t, s.Fill())
	if d, ok := s.Next(); !ok || string(d) != "later" {
		t.Fatalf("got %q, %v", d, ok)
	}
}

func TestRawOfIPv6(t *testing.T) {
	peer := rawPeer(t, "ip6:47", net.IPv6loopback)
	p := openRaw(t, "::1")
	if info := p.Info(); info.Overhead != 40 {
		t.Errorf("info is %+v", info)
	}
	w := p.Wire()
	must(t, w.Send(frames(10), headroom))
	got, sizes := frames(100), make([]int, 1)
	must(t, peer.SetDeadline(time.Now().Add(20*time.Second)))
	n, err := w.Recv(got, sizes, headroom) // it is its own peer, too: the address is the same
	if err != nil || n != 1 || sizes[0] != 10 {
		t.Fatalf("got %d packets of %v, %v", n, sizes, err)
	}
}

// A packet larger than the path is refused, not cut.
func TestRawDoesNotFragment(t *testing.T) {
	rawPeer(t, "ip4:47", net.IPv4(127, 0, 0, 4))
	p := openRaw(t, "127.0.0.4")
	if err := p.Wire().Send(frames(65530), headroom); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("got %v", err)
	}
}

func TestRawOfOtherProtocols(t *testing.T) {
	for _, protocol := range []int{0, 1, 6, 17, 51, 58, 255, 256, -1} {
		_, err := New(Config{}).OpenRaw(context.Background(), "127.0.0.1", protocol)
		var d *diag.Diagnostic
		if !errors.As(err, &d) || d.Code != diag.Invalid || !strings.Contains(d.Summary, "GRE") {
			t.Errorf("protocol %d: %v", protocol, err)
		}
	}
}

func TestIPPayload(t *testing.T) {
	whole := append([]byte{0x46}, make([]byte, 23)...)
	for _, c := range []struct {
		packet []byte
		want   int
	}{{nil, 0}, {make([]byte, 19), 0}, {make([]byte, 40), 0}, {whole, 0}, {append(whole, 7), 1}, {append([]byte{0x4f}, make([]byte, 30)...), 0}, {append([]byte{0x45}, make([]byte, 30)...), 11}} {
		if got := ipPayload(c.packet); len(got) != c.want {
			t.Errorf("% x: %d bytes, want %d", c.packet, len(got), c.want)
		}
	}
}
