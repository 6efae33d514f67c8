package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxLine bounds one line of input, in bytes.
const maxLine = 16 << 10

var errLongLine = fmt.Errorf("the line is longer than %d bytes", maxLine)

// input reads lines from a descriptor and gives up at once when the context ends,
// without a goroutine left behind in a read.
type input struct {
	file *os.File
	rest []byte // read, not yet asked for
}

// line returns the next line without its end. The last one may lack an end; after
// it comes io.EOF.
func (in *input) line(ctx context.Context) (string, error) {
	for {
		if i := bytes.IndexByte(in.rest, '\n'); i >= 0 {
			line := in.rest[:i]
			in.rest = in.rest[i+1:]
			return string(bytes.TrimSuffix(line, []byte("\r"))), nil
		}
		if len(in.rest) > maxLine {
			return "", errLongLine
		}
		chunk := make([]byte, 4096)
		n, err := in.read(ctx, chunk)
		in.rest = append(in.rest, chunk[:n]...)
		if n == 0 && errors.Is(err, io.EOF) && len(in.rest) > 0 {
			line := in.rest
			in.rest = nil
			return string(line), nil
		}
		if err != nil {
			return "", err
		}
	}
}

func (in *input) read(ctx context.Context, p []byte) (int, error) {
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return 0, fmt.Errorf("wait for input: %w", err)
	}
	woken := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_, _ = unix.Write(wake, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		close(woken)
	})
	defer func() {
		if !stop() {
			<-woken // it must not write to a descriptor that is somebody else's by then
		}
		_ = unix.Close(wake)
	}()
	fds := []unix.PollFd{{Fd: int32(in.file.Fd()), Events: unix.POLLIN}, {Fd: int32(wake), Events: unix.POLLIN}}
	for {
		_, err := unix.Poll(fds, -1)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return 0, fmt.Errorf("wait for input: %w", err)
		case ctx.Err() != nil:
			return 0, ctx.Err()
		case fds[0].Revents == 0:
			continue
		}
		n, err := unix.Read(int(in.file.Fd()), p)
		switch {
		case errors.Is(err, unix.EINTR), errors.Is(err, unix.EAGAIN):
			continue
		case err != nil:
			return 0, fmt.Errorf("read the answer: %w", err)
		case n <= 0:
			return 0, io.EOF
		}
		return n, nil
	}
}
