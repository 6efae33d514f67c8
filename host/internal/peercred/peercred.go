// Package peercred says who is at the other end of a socket on this machine.
package peercred

import (
	"errors"
	"net"

	"golang.org/x/sys/unix"
)

// Of is the process that connected c, or that listened for it.
func Of(c *net.UnixConn) (unix.Ucred, error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return unix.Ucred{}, err
	}
	var who *unix.Ucred
	var failed error
	err = raw.Control(func(fd uintptr) {
		who, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	})
	if err := errors.Join(err, failed); err != nil {
		return unix.Ucred{}, err
	}
	return *who, nil
}

// IsUser says whether that process is the user's, or root's.
func IsUser(c *net.UnixConn, uid int) bool {
	who, err := Of(c)
	return err == nil && (who.Uid == 0 || int(who.Uid) == uid)
}
