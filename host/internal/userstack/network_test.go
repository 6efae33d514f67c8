package userstack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"

	"github.com/penstock-vpn/penstock/host/internal/packet"
)

// payload is bytes that no offset repeats.
func payload(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

func TestStreamsArriveWhole(t *testing.T) {
	p := newPair(t)
	for _, a := range []netip.Addr{thereV4, thereV6} {
		p.listen(t, a, 7, echo)
		c := p.dial(t, t.Context(), a.String(), 7)
		sent := payload(3 << 20)
		go func() {
			_, _ = c.Write(sent)
			_ = c.(*gonet.TCPConn).CloseWrite()
		}()
		if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%s: %d of %d bytes came back, or others: %v", a, len(got), len(sent), err)
		}
	}
}

// Streams whose packets come between each other's are merged each by itself, and none is
// held back.
func TestManyStreamsAtATime(t *testing.T) {
	p := newPair(t)
	p.listen(t, thereV4, 7, echo)
	sent := payload(200 << 10)
	var all sync.WaitGroup
	for range 20 {
		c := p.dial(t, t.Context(), thereV4.String(), 7)
		all.Go(func() {
			go func() {
				_, _ = c.Write(sent)
				_ = c.(*gonet.TCPConn).CloseWrite()
			}()
			if got, err := io.ReadAll(c); err != nil || !bytes.Equal(got, sent) {
				t.Errorf("%d of %d bytes came back, or others: %v", len(got), len(sent), err)
			}
		})
	}
	all.Wait()
}

func TestDatagramsArrive(t *testing.T) {
	p := newPair(t)
	for _, a := range []netip.Addr{thereV4, thereV6} {
		from, err := p.here.ListenUDP(a.Is6())
		if err != nil {
			t.Fatal(err)
		}
		defer from.Close() //nolint:errcheck // of the test
		to, err := p.there.ListenUDP(a.Is6())
		if err != nil {
			t.Fatal(err)
		}
		defer to.Close() //nolint:errcheck // of the test
		port := uint16(to.LocalAddr().(*net.UDPAddr).Port)
		for _, size := range []int{0, 100, 5000} { // the last one in fragments
			sent := payload(size)
			if _, err := from.WriteTo(sent, net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, port))); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, 10_000)
			n, back, err := to.ReadFrom(got)
			if err != nil || !bytes.Equal(got[:n], sent) {
				t.Fatalf("%s: %d of %d bytes, %v", a, n, size, err)
			}
			if _, err := to.WriteTo([]byte("answer"), back); err != nil {
				t.Fatal(err)
			}
			if n, whence, err := from.ReadFrom(got); err != nil || string(got[:n]) != "answer" || whence.(*net.UDPAddr).AddrPort().Addr() != a {
				t.Errorf("%q from %v, %v", got[:n], whence, err)
			}
		}
	}
}

// A tunnel whose packets become shorter carries the streams that it had.
func TestStreamsOutliveASmallerMTU(t *testing.T) {
	p := newPair(t)
	p.listen(t, thereV4, 7, echo)
	c := p.dial(t, t.Context(), thereV4.String(), 7)
	for _, mtu := range []int{testMTU, 1280, 700} {
		for _, dev := range []interface{ SetMTU(int) error }{p.hereDev, p.thereDev} {
			if err := dev.SetMTU(mtu); err != nil {
				t.Fatal(err)
			}
		}
		sent := payload(1 << 20)
		go func() { _, _ = c.Write(sent) }()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("with an MTU of %d other bytes came back: %v", mtu, err)
		}
	}
}

func TestDialSaysWhyNot(t *testing.T) {
	p := newPair(t)
	for host, want := range map[string]string{
		"192.0.2.1": "no route", "127.0.0.1": "no address that a tunnel leads to", "::1": "no address", "10.9.9.9": "outside",
		"2001:db8::1": "no route", "::ffff:192.0.2.1": "192.0.2.1", "fe80::1%eth0": "no address", "224.0.0.1": "no address", "0.0.0.0": "no address",
	} {
		_, err := p.here.Dial(t.Context(), host, 80)
		if _, ok := errors.AsType[*Refused](err); !ok || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", host, err, want)
		}
	}
	if _, err := p.here.Dial(t.Context(), thereV4.String(), 81); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("a port that nobody listens at: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.here.Dial(ctx, "10.9.0.99", 80); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// A tunnel that comes back with another address ends what the old one had.
func TestConnectionsOfAnOldAddressEnd(t *testing.T) {
	p := newPair(t)
	p.listen(t, thereV4, 7, echo)
	p.listen(t, thereV6, 7, echo)
	four, six := p.dial(t, t.Context(), thereV4.String(), 7), p.dial(t, t.Context(), thereV6.String(), 7)
	changed := settingsOf(netip.MustParseAddr("10.0.0.8"), hereV6)
	changed.Addresses = append(changed.Addresses, changed.Addresses...) // a gateway may say it twice
	if err := p.here.Configure(changed); err != nil {
		t.Fatal(err)
	}
	if _, err := four.Read(make([]byte, 1)); err == nil {
		t.Error("the connection of the old address is still there")
	}
	if _, err := six.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := six.Read(make([]byte, 1)); err != nil {
		t.Errorf("the connection of the address that stays: %v", err)
	}
	again := p.dial(t, t.Context(), thereV4.String(), 7)
	if got := again.LocalAddr().(*net.TCPAddr).IP.String(); got != "10.0.0.8" {
		t.Errorf("a new connection comes from %s", got)
	}
}

func TestCloseEndsConnections(t *testing.T) {
	p := newPair(t)
	p.listen(t, thereV4, 7, func(net.Conn) {})
	c := p.dial(t, t.Context(), thereV4.String(), 7)
	full := make(chan error)
	go func() {
		for {
			if _, err := c.Write(make([]byte, 1<<20)); err != nil {
				full <- err
				return
			}
		}
	}()
	if err := p.hereDev.Close(); err != nil {
		t.Error(err)
	}
	<-full
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("it can still be read")
	}
}

func TestPingIsAnswered(t *testing.T) {
	_, dev, err := New("alone", settingsOf(hereV4, hereV6))
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close() //nolint:errcheck // it cannot fail
	ping := append(make([]byte, packet.Headroom), 0x45, 0, 0, 28, 0, 1, 0, 0, 64, 1, 0, 0, 10, 9, 0, 1, 10, 0, 0, 7, 8, 0, 0, 0, 0, 1, 0, 1)
	ip := ping[packet.Headroom:]
	put(ip[10:], packet.Checksum(packet.Sum(ip[:20], 0)))
	put(ip[22:], packet.Checksum(packet.Sum(ip[20:], 0)))
	if _, err := dev.Write([][]byte{ping}, packet.Headroom); err != nil {
		t.Fatal(err)
	}
	bufs, sizes := packet.NewBuffers(batch), make([]int, batch)
	if got, err := dev.Read(bufs, sizes, packet.Headroom); err != nil || got != 1 {
		t.Fatal(got, err)
	}
	answer := bufs[0][packet.Headroom:][:sizes[0]]
	if len(answer) != 28 || answer[9] != 1 || answer[20] != 0 || !bytes.Equal(answer[16:20], ip[12:16]) || !valid(answer) {
		t.Errorf("the answer is %x", answer)
	}
}

func put(b []byte, v uint16) { b[0], b[1] = byte(v>>8), byte(v) }

// What is not valid never reaches netstack, which does not look any more.
func TestDamagedPacketsAreLost(t *testing.T) {
	alone, dev, err := New("alone", settingsOf(hereV4, hereV6))
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close() //nolint:errcheck // it cannot fail
	for _, v6 := range []bool{false, true} {
		c, err := alone.ListenUDP(v6)
		if err != nil {
			t.Fatal(err)
		}
		to := thereV4
		if v6 {
			to = thereV6
		}
		if _, err := c.WriteTo([]byte("datagram"), net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 9))); err != nil {
			t.Fatal(err)
		}
		bufs, sizes := packet.NewBuffers(batch), make([]int, batch)
		if _, err := dev.Read(bufs, sizes, packet.Headroom); err != nil {
			t.Fatal(err)
		}
		b := bufs[0][packet.Headroom:][:sizes[0]]
		if !valid(b) {
			t.Errorf("it is not valid: %x", b)
		}
		for i := range b {
			if v6 && (i < 4 || i == 7) || !v6 && i == 0 { // traffic class, flow label and hop limit have no sum
				continue
			}
			damaged := bytes.Clone(b)
			damaged[i] ^= 0x10
			if valid(damaged) && !(v6 && i == 6) {
				t.Errorf("IPv6 %t: it is valid with byte %d damaged", v6, i)
			}
		}
		if valid(b[:len(b)-1]) || valid(nil) {
			t.Error("a part is valid")
		}
	}
}

func FuzzValid(f *testing.F) {
	f.Add([]byte{0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 0, 0, 7, 8, 0, 0, 0, 0, 1, 0, 1})
	f.Add(append([]byte{0x60, 0, 0, 0, 0, 8, 17, 64}, make([]byte, 40)...))
	_, dev, err := New("fuzz", settingsOf(hereV4, hereV6))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if valid(b) && packet.Len(b) != len(b) {
			t.Errorf("%x is valid", b)
		}
		_, _ = dev.Write([][]byte{append(make([]byte, packet.Headroom), b...)}, packet.Headroom)
	})
}
