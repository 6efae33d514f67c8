package plugintest

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	stream    = unix.SOCK_STREAM
	seqpacket = unix.SOCK_SEQPACKET // datagrams with an end
)

// socketpair returns both ends; the test that made them closes them.
func socketpair(t testing.TB, kind int) (a, b *net.UnixConn) {
	t.Helper()
	a, b, err := newSocketpair(kind)
	if err != nil {
		t.Fatal(err)
	}
	return a, b
}

func newSocketpair(kind int) (a, b *net.UnixConn, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	ends := [2]*net.UnixConn{}
	for i, fd := range fds {
		f := os.NewFile(uintptr(fd), "pair")
		c, err := net.FileConn(f)
		_ = f.Close()
		if err != nil {
			return nil, nil, err
		}
		ends[i] = c.(*net.UnixConn)
	}
	return ends[0], ends[1], nil
}

// sendDescriptor gives the plugin the plaintext end of a transport, and closes ours of it.
func sendDescriptor(to *net.UnixConn, transport uint32, end *net.UnixConn) error {
	defer end.Close()
	f, err := end.File()
	if err != nil {
		return err
	}
	defer f.Close()
	number := binary.BigEndian.AppendUint32(nil, transport)
	_, _, err = to.WriteMsgUnix(number, unix.UnixRights(int(f.Fd())), nil)
	return err
}
