package transport

import (
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Kinds of socketpair.
const (
	streamPair = unix.SOCK_STREAM
	packetPair = unix.SOCK_SEQPACKET // keeps borders and shows end of file
)

// socketpair returns the host's end and the plugin's. The plugin's is blocking, as
// other languages expect.
func socketpair(kind int) (*net.UnixConn, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("transport: socketpair: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "plaintext")
	ours := os.NewFile(uintptr(fds[0]), "plaintext")
	conn, err := net.FileConn(ours)
	_ = ours.Close()
	if err != nil {
		_ = theirs.Close()
		return nil, nil, fmt.Errorf("transport: socketpair: %w", err)
	}
	return conn.(*net.UnixConn), theirs, nil
}
