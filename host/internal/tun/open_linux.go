package tun

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Open makes a TUN device with offload, or packet by packet where the kernel lacks
// that, sets its MTU in bytes and brings it up. It belongs to the calling thread's
// network namespace and is gone after Close. In name %d stands for the first free
// number; "" is tun%d. It needs CAP_NET_ADMIN.
func Open(name string, mtu int) (Device, error) {
	return open(name, mtu, openOffload, openPlain)
}

// OpenPlain is Open without offload: the off switch of the configuration.
func OpenPlain(name string, mtu int) (Device, error) {
	return open(name, mtu, openPlain)
}

// backend makes a device that is down. Only EINVAL means that the kernel lacks it.
type backend func(name string) (Device, error)

func open(name string, mtu int, backends ...backend) (Device, error) {
	if name == "" {
		name = "tun%d"
	}
	if err := checkName(name); err != nil {
		return nil, err
	}
	var dev Device
	err := error(unix.EINVAL)
	for i := 0; i < len(backends) && errors.Is(err, unix.EINVAL); i++ {
		dev, err = backends[i](name)
	}
	if err != nil {
		return nil, explain(name, err)
	}
	if err := bringUp(dev, mtu); err != nil {
		return nil, errors.Join(err, dev.Close())
	}
	return dev, nil
}

// checkName refuses what the kernel refuses in an interface name (dev_valid_name).
func checkName(name string) error {
	pattern := strings.Replace(name, "%d", "", 1)
	if len(name) >= unix.IFNAMSIZ || name == "." || name == ".." || strings.ContainsAny(pattern, "/:% \t\n\v\f\r\x00") {
		return fmt.Errorf("tun: %q is no interface name: at most %d characters without space, '/' and ':'", name, unix.IFNAMSIZ-1)
	}
	return nil
}

func explain(name string, err error) error {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return fmt.Errorf("tun: no permission to make %q, CAP_NET_ADMIN is needed: %w", name, err)
	case errors.Is(err, unix.EBUSY):
		return fmt.Errorf("tun: %q is in use already: %w", name, err)
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return fmt.Errorf("tun: the kernel has no TUN devices (/dev/net/tun): %w", err)
	}
	return fmt.Errorf("tun: make %q: %w", name, err)
}

// upper is the part of a link that bringUp needs.
type upper interface {
	quiet()
	up() error
}

func bringUp(dev Device, mtu int) error {
	if err := dev.SetMTU(mtu); err != nil {
		return err
	}
	l := dev.(upper)
	l.quiet()
	return l.up()
}
