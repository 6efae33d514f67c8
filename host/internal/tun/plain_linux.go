package tun

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"github.com/songgao/water"
	"golang.org/x/sys/unix"
)

// plain moves one packet a system call.
type plain struct {
	*link
	file  *os.File
	close func() error
}

func openPlain(name string) (Device, error) {
	dev, err := openWater(name)
	if err != nil {
		return nil, err
	}
	file, ok := dev.ReadWriteCloser.(*os.File)
	if !ok {
		return nil, errors.Join(fmt.Errorf("water opened a %T", dev.ReadWriteCloser), dev.Close())
	}
	l, err := newLink(dev.Name())
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	p := &plain{link: l, file: file}
	p.close = sync.OnceValue(func() error { return errors.Join(file.Close(), l.close()) })
	return p, nil
}

// openWater sets the close-on-exec flag that water leaves out. Holding ForkLock,
// no plugin is started in between with the descriptor in its hands.
func openWater(name string) (*water.Interface, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	config := water.Config{DeviceType: water.TUN}
	config.PlatformSpecificParams.Name = name
	dev, err := water.New(config)
	if err != nil {
		return nil, err
	}
	if file, ok := dev.ReadWriteCloser.(*os.File); ok {
		err = closeOnExec(file)
	}
	if err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	return dev, nil
}

func closeOnExec(file *os.File) error {
	raw, err := file.SyscallConn()
	if err != nil {
		return err
	}
	var setErr error
	err = raw.Control(func(fd uintptr) {
		_, setErr = unix.FcntlInt(fd, unix.F_SETFD, unix.FD_CLOEXEC)
	})
	return errors.Join(err, setErr)
}

func (p *plain) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	n, err := p.file.Read(bufs[0][offset:])
	if err != nil {
		return 0, closedError(err)
	}
	sizes[0] = n
	return 1, nil
}

func (p *plain) Write(bufs [][]byte, offset int) (int, error) {
	return writeEach(p.file, bufs, offset)
}

// writeEach writes each bufs[i][offset:] by itself and returns how many were taken.
func writeEach(file *os.File, bufs [][]byte, offset int) (int, error) {
	var failed error
	written := 0
	for _, b := range bufs {
		if _, err := file.Write(b[offset:]); err != nil {
			failed = closedError(err)
			continue
		}
		written++
	}
	return written, failed
}

// closedError names the state of a device that was removed from outside.
func closedError(err error) error {
	if errors.Is(err, unix.EBADFD) {
		return os.ErrClosed
	}
	return err
}

func (p *plain) BatchSize() int { return 1 }

func (p *plain) Close() error { return p.close() }
