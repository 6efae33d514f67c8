package tun

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

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

// namespace is a network namespace with one thread in it, where functions run.
type namespace struct{ calls chan func() }

// newNamespace makes a fresh one. It ends with its thread, at the test's end.
func newNamespace(t *testing.T) *namespace {
	t.Helper()
	needRoot(t)
	n := &namespace{calls: make(chan func())}
	entered := make(chan error)
	go func() {
		// Locked and never unlocked: the thread dies with the goroutine.
		runtime.LockOSThread()
		err := unix.Unshare(unix.CLONE_NEWNET)
		entered <- err
		for f := range n.calls {
			f()
		}
	}()
	if err := <-entered; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { close(n.calls) })
	return n
}

// do runs f in the namespace.
func (n *namespace) do(t *testing.T, f func() error) {
	t.Helper()
	done := make(chan error)
	n.calls <- func() { done <- f() }
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func (n *namespace) run(t *testing.T, args ...string) (output string) {
	t.Helper()
	n.do(t, func() error {
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Logf("%v: %s", args, out)
		}
		output = string(out)
		return err
	})
	return output
}

// device opens a device in the namespace.
func (n *namespace) device(t *testing.T, open opener, name string, mtu int) Device {
	t.Helper()
	var dev Device
	n.do(t, func() (err error) {
		dev, err = open(name, mtu)
		return err
	})
	t.Cleanup(func() { _ = dev.Close() })
	return dev
}

// link returns what the kernel says of an interface of the namespace, or nil.
func (n *namespace) link(t *testing.T, name string) (found *net.Interface) {
	t.Helper()
	n.do(t, func() error {
		links, err := net.Interfaces()
		for _, l := range links {
			if l.Name == name {
				found = &l
			}
		}
		return err
	})
	return found
}

// udp opens a socket in the namespace.
func (n *namespace) udp(t *testing.T, local, remote string) *net.UDPConn {
	t.Helper()
	var c *net.UDPConn
	n.do(t, func() (err error) {
		c, err = net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(local)),
			net.UDPAddrFromAddrPort(netip.MustParseAddrPort(remote)))
		return err
	})
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

// eventually polls until ok, or fails after a time that only a hang takes.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for tick := time.Tick(5 * time.Millisecond); !ok(); <-tick {
		if time.Now().After(deadline) {
			t.Fatal("never: " + what)
		}
	}
}

func isClosed(err error) bool { return errors.Is(err, os.ErrClosed) }
