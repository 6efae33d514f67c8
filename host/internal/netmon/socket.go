package netmon

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// groups are the multicast groups that a change of the way to a gateway shows in.
const groups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR | unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE

// socket receives the kernel's notes about links, addresses and routes.
type socket struct{ *os.File }

func listen() (socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return socket{}, fmt.Errorf("netlink: %w", err)
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return socket{}, errors.Join(fmt.Errorf("netlink: %w", err), unix.Close(fd))
	}
	return socket{os.NewFile(uintptr(fd), "netlink")}, nil
}

// hint passes on that something came, until the socket is closed. Notes that came
// while the last hint was not taken are one hint with it. An overflow is a hint as
// well: what was lost will be seen by looking.
func (s socket) hint(hints chan hint) {
	b := make([]byte, 64<<10)
	for {
		n, err := s.Read(b)
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return
		}
		h := hint{down: linksDown(b[:max(n, 0)])}
		select {
		case earlier := <-hints:
			h = earlier.and(h)
		default:
		}
		hints <- h // there is room: nobody else sends
	}
}

// linksDown finds the links that a datagram of notes shows without carrier.
func linksDown(b []byte) []int {
	var down []int
	for len(b) >= unix.SizeofNlMsghdr {
		size := int(binary.NativeEndian.Uint32(b))
		if size < unix.SizeofNlMsghdr || size > len(b) {
			break
		}
		kind, body := binary.NativeEndian.Uint16(b[4:]), b[unix.SizeofNlMsghdr:size]
		if (kind == unix.RTM_NEWLINK || kind == unix.RTM_DELLINK) && len(body) >= unix.SizeofIfInfomsg {
			index, flags := binary.NativeEndian.Uint32(body[4:]), binary.NativeEndian.Uint32(body[8:])
			if kind == unix.RTM_DELLINK || flags&unix.IFF_LOWER_UP == 0 {
				down = append(down, int(index))
			}
		}
		b = b[min((size+unix.NLMSG_ALIGNTO-1)&^(unix.NLMSG_ALIGNTO-1), len(b)):]
	}
	return down
}
