package sandbox

import (
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Each program has a uid and gid of its own, so that it shares nothing with other
// programs, users and services. They are made up of the host's pid and a counter, in
// a range above those that systemd hands out and that no password file names:
//
//	0x70000000 | pid (22 bits) << 5 | counter (5 bits)
const (
	firstUID = 0x70000000
	uidBits  = 5
	pidBits  = 22
)

var uidCounter atomic.Uint32

// ownUID is the uid of the next program, or 0 for a host that is not root: it keeps
// its own, inside a user namespace.
func ownUID() int {
	if os.Geteuid() != 0 {
		return 0
	}
	return uidOf(os.Getpid(), uidCounter.Add(1))
}

func uidOf(pid int, counter uint32) int {
	return firstUID | (pid&(1<<pidBits-1))<<uidBits | int(counter&(1<<uidBits-1))
}

// takeUID becomes the program's uid. Capabilities, supplementary groups and the
// parent-death signal go with the old one. It acts on the calling thread, the one
// that executes the program.
func takeUID(uid int) error {
	if uid == 0 {
		return nil
	}
	id := uintptr(uid)
	if _, _, errno := unix.RawSyscall(unix.SYS_SETGROUPS, 0, 0, 0); errno != 0 {
		return fmt.Errorf("setgroups: %w", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESGID, id, id, id); errno != 0 {
		return fmt.Errorf("setresgid: %w", errno)
	}
	if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, id, id, id); errno != 0 {
		return fmt.Errorf("setresuid to %d: %w (is this a container with few uids?)", uid, errno)
	}
	return nil
}
