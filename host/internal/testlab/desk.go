package testlab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Addresses of the desk.
const (
	DeskV4 = "10.55.0.2"
	DeskV6 = "fd55::2"

	deskCable = "desk0" // on the client: the guard bars eth* from the inside
)

// AddDesk puts a machine behind the client, which is its way to everywhere. The
// client's end of the cable does nothing for the kernel: packets that reach the desk
// are as they would be on a real wire, whole and with their checksums.
//
//	desk eth0 --- desk0 client === tunnel === gateway
func (l *Lab) AddDesk() (*Machine, error) {
	m, err := NewMachine("desk", l.Dir)
	if err != nil {
		return nil, err
	}
	l.more = append(l.more, m)
	if err := l.joinDesk(m); err != nil {
		return nil, fmt.Errorf("desk: %w", err)
	}
	return m, nil
}

func (l *Lab) joinDesk(m *Machine) error {
	if err := connect(l.Client, deskCable, m, outside); err != nil {
		return err
	}
	const routerV4, routerV6 = "10.55.0.1", "fd55::1"
	err := errors.Join(
		m.address(outside, DeskV4+"/24", DeskV6+"/64"), l.Client.address(deskCable, routerV4+"/24", routerV6+"/64"),
		m.setUp(outside), l.Client.setUp(deskCable),
		m.route("0.0.0.0/0", routerV4), m.route("::/0", routerV6),
		l.Client.Do(func() error {
			return errors.Join(os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0),
				os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0), plainDevice(deskCable))
		}),
	)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return Await(ctx, "the desk's cable", func() bool { return l.Client.settled(deskCable) && m.settled(outside) })
}

// plainDevice switches off all that a device of the thread's namespace would do for
// the kernel (struct ethtool_value in struct ifreq).
func plainDevice(name string) error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	for _, command := range []uint32{unix.ETHTOOL_STSO, unix.ETHTOOL_SGSO, unix.ETHTOOL_STXCSUM, unix.ETHTOOL_SSG, unix.ETHTOOL_SGRO} {
		value := [2]uint32{command, 0}
		request := struct {
			name  [unix.IFNAMSIZ]byte
			value *[2]uint32
			_     [16]byte
		}{value: &value}
		copy(request.name[:], name)
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(s), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&request)))
		if errno != 0 {
			return fmt.Errorf("offload %#x of %s: %w", command, name, errno)
		}
	}
	return nil
}
