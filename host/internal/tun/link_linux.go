package tun

import (
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// link sets flags and MTU of one interface. Its socket stays in the network
// namespace in which it was made, whichever thread calls.
type link struct {
	name string

	mu     sync.Mutex // guards socket against a close under a caller's feet
	socket int        // -1: closed
}

func newLink(name string) (*link, error) {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("control socket: %w", err)
	}
	return &link{name: name, socket: s}, nil
}

// Name is the interface's name.
func (l *link) Name() string { return l.name }

// SetMTU sets the interface's MTU, in bytes.
func (l *link) SetMTU(mtu int) error {
	r, err := unix.NewIfreq(l.name)
	if err == nil {
		r.SetUint32(uint32(mtu))
		err = l.ioctl(unix.SIOCSIFMTU, r)
	}
	if err != nil {
		return fmt.Errorf("tun: set MTU %d on %s: %w", mtu, l.name, err)
	}
	return nil
}

// SetMTU sets the MTU of the device of that name, in bytes, for whoever does not hold it.
func SetMTU(name string, mtu int) error {
	l, err := newLink(name)
	if err != nil {
		return err
	}
	return errors.Join(l.SetMTU(mtu), l.close())
}

// quiet keeps the kernel from giving the device an IPv6 address of its own. With one it
// solicits routers and joins groups through a tunnel that has neither, for ever: each
// time both ends of an idle connection would wake. It is called before up; a kernel
// without IPv6 has nothing to be told.
func (l *link) quiet() {
	const none = 1 // IN6_ADDR_GEN_MODE_NONE
	_ = netlink.LinkSetIP6AddrGenMode(&netlink.GenericLink{LinkAttrs: netlink.LinkAttrs{Name: l.name}}, none)
}

func (l *link) up() error {
	r, err := unix.NewIfreq(l.name)
	if err == nil {
		err = l.ioctl(unix.SIOCGIFFLAGS, r)
	}
	if err == nil {
		r.SetUint16(r.Uint16() | unix.IFF_UP)
		err = l.ioctl(unix.SIOCSIFFLAGS, r)
	}
	if err != nil {
		return fmt.Errorf("tun: bring %s up: %w", l.name, err)
	}
	return nil
}

func (l *link) ioctl(request uint, r *unix.Ifreq) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket < 0 {
		return os.ErrClosed
	}
	return unix.IoctlIfreq(l.socket, request, r)
}

func (l *link) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.socket
	l.socket = -1
	return unix.Close(s)
}
