package sdk

import (
	"context"
	"encoding/binary"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// pair returns a connected pair of unix sockets that the test closes.
func pair(t *testing.T, kind int) (a, b *net.UnixConn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	var ends [2]*net.UnixConn
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(f)
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		ends[i] = c.(*net.UnixConn)
		t.Cleanup(func() { _ = c.Close() })
	}
	return ends[0], ends[1]
}

// give sends descriptors of new sockets under a tag, and returns their other ends.
func give(t *testing.T, socket *net.UnixConn, tag []byte, count int) []*net.UnixConn {
	t.Helper()
	var fds []int
	var ours []*net.UnixConn
	for range count {
		a, b := pair(t, unix.SOCK_STREAM)
		f, err := b.File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		defer b.Close()
		fds, ours = append(fds, int(f.Fd())), append(ours, a)
	}
	if _, _, err := socket.WriteMsgUnix(tag, unix.UnixRights(fds...), nil); err != nil {
		t.Fatal(err)
	}
	return ours
}

func number(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// mustBeClosed waits for the end of a socket whose other end was given away.
func mustBeClosed(t *testing.T, c *net.UnixConn) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("the descriptor was kept (%d, %v)", n, err)
	}
}

func TestDescriptorsThatNobodyExpectsAreClosed(t *testing.T) {
	host, plugin := pair(t, unix.SOCK_SEQPACKET)
	d := newDescriptors(plugin)
	mustBeClosed(t, give(t, host, number(1), 1)[0])
	id, err := d.expect(true)
	if err != nil {
		t.Fatal(err)
	}
	first := give(t, host, number(id), 1)[0]
	mustBeClosed(t, give(t, host, number(id), 1)[0]) // the second for one transport
	c, err := d.take(t.Context(), t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	d.forget(id)
	if _, err := c.Write([]byte("x")); err != nil {
		t.Errorf("a descriptor that was taken is closed: %v", err)
	}
	_ = c.Close()
	_ = first.Close()
	id, _ = d.expect(true)
	late := give(t, host, number(id), 1)[0]
	mustBeClosed(t, give(t, host, number(id), 1)[0])
	d.forget(id)
	mustBeClosed(t, late)
}

func TestMalformedDescriptorMessagesEndTheSocket(t *testing.T) {
	for name, c := range map[string]struct {
		tag   []byte
		count int
	}{
		"no descriptor":   {number(1), 0},
		"two descriptors": {number(1), 2},
		"more than fit":   {number(1), 40},
		"short tag":       {[]byte{0, 0, 1}, 1},
		"long tag":        {[]byte{0, 0, 0, 0, 1}, 1},
		"very long tag":   {make([]byte, 100), 1},
	} {
		t.Run(name, func(t *testing.T) {
			host, plugin := pair(t, unix.SOCK_SEQPACKET)
			d := newDescriptors(plugin)
			id, err := d.expect(true)
			if err != nil {
				t.Fatal(err)
			}
			for _, ours := range give(t, host, c.tag, c.count) {
				mustBeClosed(t, ours)
			}
			if _, err := d.take(context.Background(), context.Background(), id); err == nil {
				t.Error("a descriptor came out of a malformed message")
			}
		})
	}
}

func TestAFileIsNoTransport(t *testing.T) {
	host, plugin := pair(t, unix.SOCK_SEQPACKET)
	d := newDescriptors(plugin)
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if _, _, err := host.WriteMsgUnix(number(1), unix.UnixRights(int(null.Fd())), nil); err != nil {
		t.Fatal(err)
	}
	<-d.gone
}

func TestReceivedDescriptorsAreNotInherited(t *testing.T) {
	host, plugin := pair(t, unix.SOCK_SEQPACKET)
	give(t, host, number(3), 1)
	id, c, err := receiveDescriptor(plugin)
	if err != nil || id != 3 {
		t.Fatalf("transport %d, %v", id, err)
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		if flags, err := unix.FcntlInt(fd, unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("flags %x, %v: a child would inherit it", flags, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestNoTransportsWithoutDescriptors(t *testing.T) {
	if _, err := newDescriptors(nil).expect(true); err == nil {
		t.Error("a transport was expected although no descriptor can come")
	}
}
