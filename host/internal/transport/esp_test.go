package transport

import (
	"bytes"
	"errors"
	"net"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// The socket of ESP carries batches both ways, as esp.Socket says.
func TestESPSocket(t *testing.T) {
	far, port := peer(t)
	p := openUDP(t, port)
	s := p.ESP()
	bufs := frames(repeatSize(200, 900)...)
	must(t, s.Send(bufs, headroom))
	wantDatagrams(t, far, bufs)
	for _, b := range bufs[:40] {
		_, err := far.WriteToUDP(b[headroom:], p.conn.LocalAddr().(*net.UDPAddr))
		must(t, err)
	}
	for got := 0; got < 40; {
		must(t, s.Fill())
		for {
			d, ok := s.Next()
			if !ok {
				break
			}
			if !bytes.Equal(d, bufs[got][headroom:]) {
				t.Fatalf("datagram %d: %d bytes", got, len(d))
			}
			got++
		}
	}
	if err := s.Send(frames(maxDatagram), headroom); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("too large: %v", err)
	}
	if mtu := s.(interface{ PathMTU() int }).PathMTU(); mtu < 1280 {
		t.Errorf("path MTU %d", mtu)
	}
	must(t, s.Close())
	if err := s.Fill(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

// needRoot is the one place that skips: without root, on a developer's machine.
func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") != "" {
		t.Fatal("this test needs root")
	}
	t.Skip("this test needs root")
}

// narrow runs the test on a thread whose network is a loopback of this MTU.
func narrow(t *testing.T, mtu int, test func()) {
	t.Helper()
	needRoot(t)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		err := unix.Unshare(unix.CLONE_NEWNET)
		var lo netlink.Link
		if err == nil {
			lo, err = netlink.LinkByName("lo")
		}
		if err == nil {
			err = errors.Join(netlink.LinkSetMTU(lo, mtu), netlink.LinkSetUp(lo))
		}
		defer func() { done <- err }()
		if err == nil {
			test()
		}
	}()
	must(t, <-done)
}

// pair is a far end and a socket to it, in the network of this thread.
func pair(address net.IP) (far *net.UDPConn, p *Packets, err error) {
	if far, err = net.ListenUDP("udp", &net.UDPAddr{IP: address}); err != nil {
		return nil, nil, err
	}
	conn, err := net.DialUDP("udp", nil, far.LocalAddr().(*net.UDPAddr))
	if err != nil {
		_ = far.Close()
		return nil, nil, err
	}
	tuneDatagrams(conn)
	return far, &Packets{conn: conn, info: packetInfo("udp", conn), offload: true}, nil
}

// IKE's messages may be larger than the path's MTU, packets must not be.
func TestKeyExchangesAreFragmentedAndPacketsAreNot(t *testing.T) {
	for _, address := range []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback} {
		narrow(t, 1300, func() {
			far, p, err := pair(address)
			if err != nil {
				t.Error(err)
				return
			}
			defer far.Close() //nolint:errcheck // the test's
			defer p.Close()   //nolint:errcheck // the test's
			s := p.ESP()
			large := frames(4000)
			arrives := func(how string) {
				buf := make([]byte, maxDatagram)
				_ = far.SetReadDeadline(time.Now().Add(20 * time.Second))
				if n, err := far.Read(buf); err != nil || !bytes.Equal(buf[:n], large[0][headroom:]) {
					t.Errorf("%s to %v: %d bytes, %v", how, address, n, err)
				}
			}
			if err := s.Send(large, headroom); !errors.Is(err, syscall.EMSGSIZE) {
				t.Errorf("a large packet: %v", err)
			}
			if err := s.(*espSocket).SendFragmented(large[0][headroom:]); err != nil {
				t.Error(err)
			}
			arrives("beside ESP")
			if err := s.Send(large, headroom); !errors.Is(err, syscall.EMSGSIZE) {
				t.Errorf("a large packet after a fragmented message: %v", err)
			}
			f, err := p.Plaintext()
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close() //nolint:errcheck // the test's
			if _, err := f.Write(large[0][headroom:]); err != nil {
				t.Error(err)
			}
			arrives("before Attach")
		})
	}
}

// Packets that are too large for the path go in fragments once they may, among others of
// any size, and messages of IKE still.
func TestPacketsInFragments(t *testing.T) {
	for _, address := range []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback} {
		narrow(t, 1300, func() {
			far, p, err := pair(address)
			if err != nil {
				t.Error(err)
				return
			}
			defer far.Close() //nolint:errcheck // the test's
			defer p.Close()   //nolint:errcheck // the test's
			s := p.ESP().(*espSocket)
			s.Fragment()
			all := frames(1200, 1200, 1200, 1290, 1290, 100, 1299, 60, 60, 4000)
			if err := s.Send(all, headroom); err != nil {
				t.Error(err)
			}
			message := frames(3000)[0][headroom:]
			if err := s.SendFragmented(message); err != nil {
				t.Error(err)
			}
			buf := make([]byte, maxDatagram)
			_ = far.SetReadDeadline(time.Now().Add(20 * time.Second))
			for i, b := range append(all, append(make([]byte, headroom), message...)) {
				if n, err := far.Read(buf); err != nil || !bytes.Equal(buf[:n], b[headroom:]) {
					t.Errorf("to %v, datagram %d: %d bytes of %d, %v", address, i, n, len(b)-headroom, err)
				}
			}
		})
	}
}
