package tun

import (
	"errors"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	wgtun "golang.zx2c4.com/wireguard/tun"
)

// offload reads and writes with a virtio header in front: the kernel hands over
// TCP (and UDP, since Linux 6.2) packets of up to 64 KiB, which are cut here, and
// takes those that the library has coalesced.
type offload struct {
	*link
	dev    wgtun.Device
	in     *gatherer
	single atomic.Bool // packets are not merged any more
	close  func() error
}

// openOffload makes the descriptor itself: the library's CreateTUN leaks it on
// errors, and polls the link's state once a second.
func openOffload(name string) (Device, error) {
	fd, name, err := attach(name, unix.IFF_TUN|unix.IFF_NO_PI|unix.IFF_VNET_HDR)
	if err != nil {
		return nil, err
	}
	// What the library would ask for: a descriptor that it fails with stays open until
	// it is collected, and keeps the interface's name from the plain backend.
	if err := unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, unix.TUN_F_CSUM|unix.TUN_F_TSO4|unix.TUN_F_TSO6); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	l, err := newLink(name)
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	// From here on the descriptor is the library's, which closes it on errors when
	// its os.File is collected. Unmonitored, it sends no events.
	dev, _, err := wgtun.CreateUnmonitoredTUNFromFD(fd)
	if err != nil {
		return nil, errors.Join(err, l.close())
	}
	o := &offload{link: l, dev: dev}
	o.close = sync.OnceValue(func() error { return errors.Join(dev.Close(), l.close()) })
	if o.in, err = newGatherer(dev.File()); err != nil {
		return nil, errors.Join(err, o.close())
	}
	return o, nil
}

// attach opens the clone device and makes an interface of it.
func attach(name string, flags uint16) (fd int, made string, err error) {
	fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, "", err
	}
	r, err := unix.NewIfreq(name)
	if err == nil {
		r.SetUint16(flags)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
	}
	if err != nil {
		return -1, "", errors.Join(err, unix.Close(fd))
	}
	return fd, r.Name(), nil
}

func (o *offload) Read(bufs [][]byte, sizes []int, offset int) (int, error) {
	return o.in.read(bufs, sizes, offset)
}

// Write merges until the kernel does not take a merged packet: what was in that vector
// may be lost, and packets go one by one from then on.
func (o *offload) Write(bufs [][]byte, offset int) (int, error) {
	if o.single.Load() {
		for _, b := range bufs {
			clear(b[offset-virtioSize : offset]) // a header that says nothing
		}
		return writeEach(o.dev.File(), bufs, offset-virtioSize)
	}
	n, err := o.dev.Write(bufs, offset)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EMSGSIZE) {
		o.single.Store(true)
	}
	return n, err
}

func (o *offload) BatchSize() int { return o.dev.BatchSize() }

func (o *offload) Close() error { return o.close() }
