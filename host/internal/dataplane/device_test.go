package dataplane

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Two network namespaces, each with a real device and a plane:
//
//	[TCP client] -- tun -- plane ==(wires in memory)== plane -- tun -- [TCP server]

func TestTCPThroughRealDevices(t *testing.T) {
	for name, connect := range map[string]func(t *testing.T, a, b *Plane){"stream": joinStreams, "datagram": joinDatagrams} {
		t.Run(name, func(t *testing.T) {
			a, b := newSite(t, "10.9.6.1/24"), newSite(t, "10.9.6.2/24")
			connect(t, a.plane, b.plane)
			sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
			got := transfer(t, a, b, "10.9.6.2:80", sent)
			if !bytes.Equal(got, sent) {
				t.Fatalf("%d of %d bytes, or others", len(got), len(sent))
			}
			s := b.plane.Stats()
			if s.RxBytes < uint64(len(sent)) || s.RxDropped > 0 {
				t.Errorf("%+v", s)
			}
		})
	}
}

// site is a namespace with a device and a plane, and a thread in it.
type site struct {
	calls chan func()
	plane *Plane
}

func newSite(t *testing.T, address string) *site {
	t.Helper()
	needRoot(t)
	s := &site{calls: make(chan func())}
	entered := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread dies with the goroutine
		entered <- unix.Unshare(unix.CLONE_NEWNET)
		for f := range s.calls {
			f()
		}
	}()
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(s.calls) })
	s.do(t, func() error {
		dev, err := tun.Open("plane0", 1400)
		if err != nil {
			return err
		}
		s.plane = New(dev, Options{MTU: 1400})
		return exec.Command("ip", "addr", "add", address, "dev", "plane0").Run()
	})
	t.Cleanup(func() { _ = s.plane.Close() })
	return s
}

func (s *site) do(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	s.calls <- func() { done <- f() }
	if err := <-done; err != nil {
		t.Fatal(err)
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

func transfer(t *testing.T, from, to *site, address string, data []byte) []byte {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	var l net.Listener
	to.do(t, func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	})
	defer func() { _ = l.Close() }()
	accepted := make(chan []byte)
	failed := make(chan error, 2)
	go func() {
		c, err := l.Accept()
		if err == nil {
			defer func() { _ = c.Close() }()
			var got []byte
			if got, err = io.ReadAll(c); err == nil {
				accepted <- got
				return
			}
		}
		failed <- err
	}()
	var c net.Conn
	from.do(t, func() (err error) {
		c, err = (&net.Dialer{Deadline: deadline}).Dial("tcp", address)
		return err
	})
	err := c.SetDeadline(deadline)
	if err == nil {
		_, err = c.Write(data)
	}
	if err = errors.Join(err, c.Close()); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-accepted:
		return got
	case err := <-failed:
		t.Fatal(err)
	case <-time.After(time.Until(deadline)):
		t.Fatal("the transfer hangs")
	}
	return nil
}

// hand gives bytes to the other end of a wire, or drops them when it is closed.
func (w *wireEnd) hand(b []byte) {
	select {
	case w.fromGW <- b:
	case <-w.closed:
	}
}

// joined is a fakeStream whose batches the peer reads.
type joined struct {
	*fakeStream
	peer *fakeStream
}

func (s joined) Flush() error {
	s.peer.hand(bytes.Join(s.corked, nil))
	s.corked = nil
	return nil
}

func joinStreams(t *testing.T, a, b *Plane) {
	t.Helper()
	x, y := newStream(nil), newStream(nil)
	if err := errors.Join(
		a.AddStream(1, joined{x, y}, cstp(framing.Rules{}), 0, 0, "tls", 60),
		b.AddStream(1, joined{y, x}, cstp(framing.Rules{}), 0, 0, "tls", 60),
	); err != nil {
		t.Fatal(err)
	}
}

// joinedDatagram is a fakeDatagram whose datagrams the peer receives.
type joinedDatagram struct {
	*fakeDatagram
	peer *fakeDatagram
}

func (d joinedDatagram) Send(bufs [][]byte, offset int) error {
	for _, b := range bufs {
		d.peer.hand(bytes.Clone(b[offset:]))
	}
	return nil
}

func joinDatagrams(t *testing.T, a, b *Plane) {
	t.Helper()
	x, y := newDatagram(nil), newDatagram(nil)
	if err := errors.Join(
		a.AddDatagram(1, joinedDatagram{x, y}, oneByte(framing.Rules{}), 0, 0, "dtls", 79),
		b.AddDatagram(1, joinedDatagram{y, x}, oneByte(framing.Rules{}), 0, 0, "dtls", 79),
	); err != nil {
		t.Fatal(err)
	}
}
