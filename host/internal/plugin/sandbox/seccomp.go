package sandbox

import (
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The filter refuses, with EPERM, what reaches beyond the process: other processes,
// mounts and namespaces, the kernel's own programs and keys, and every kind of socket
// but unix. A plugin needs none of it, and each is a way that holes in the kernel are
// reached.
var refused = []uint32{
	// other processes
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE,
	unix.SYS_KCMP, unix.SYS_PIDFD_GETFD, unix.SYS_PERF_EVENT_OPEN,
	// mounts and namespaces
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_MOVE_MOUNT, unix.SYS_FSOPEN,
	unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_OPEN_TREE, unix.SYS_MOUNT_SETATTR,
	unix.SYS_UNSHARE, unix.SYS_SETNS, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT, unix.SYS_QUOTACTL,
	unix.SYS_QUOTACTL_FD, unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_FANOTIFY_INIT,
	// programs and keys in the kernel
	unix.SYS_BPF, unix.SYS_USERFAULTFD, unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
	unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_KEYCTL, unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE,
	unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_SECCOMP, unix.SYS_PERSONALITY, unix.SYS_VHANGUP,
	// the machine
	unix.SYS_REBOOT, unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_CLOCK_ADJTIME, unix.SYS_ADJTIMEX,
	unix.SYS_ACCT, unix.SYS_SYSLOG, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME,
	unix.SYS_MBIND, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_SET_MEMPOLICY,
}

// newNamespace are the flags of clone that make a namespace.
const newNamespace = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC |
	unix.CLONE_NEWUSER | unix.CLONE_NEWPID | unix.CLONE_NEWNET

// Offsets in struct seccomp_data; of 64-bit arguments the low half, little-endian.
const (
	offNr   = 0
	offArch = 4
	offArg0 = 16
	offArg1 = 24
)

func statement(code uint16, k uint32) unix.SockFilter { return unix.SockFilter{Code: code, K: k} }

func load(offset uint32) unix.SockFilter {
	return statement(unix.BPF_LD|unix.BPF_W|unix.BPF_ABS, offset)
}

func ret(action uint32) unix.SockFilter { return statement(unix.BPF_RET|unix.BPF_K, action) }

func errno(e unix.Errno) uint32 { return unix.SECCOMP_RET_ERRNO | uint32(e) }

func jump(test uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_K | test, K: k, Jt: yes, Jf: no}
}

// program is the filter for one architecture:
//
//	wrong architecture, x32            kill
//	refused                            EPERM
//	clone3                             ENOSYS, so that libc falls back to clone
//	clone with a new namespace         EPERM
//	socket, socketpair but AF_UNIX     EAFNOSUPPORT
//	ioctl TIOCSTI, TIOCLINUX           EPERM
//	all else                           allowed
func program(arch uint32, more []uint32, x32 bool) []unix.SockFilter {
	p := []unix.SockFilter{
		load(offArch), jump(unix.BPF_JEQ, arch, 1, 0), ret(unix.SECCOMP_RET_KILL_PROCESS),
		load(offNr),
	}
	if x32 { // the same architecture with other numbers, above this bit
		p = append(p, jump(unix.BPF_JGE, 0x40000000, 0, 1), ret(unix.SECCOMP_RET_KILL_PROCESS))
	}
	for _, nr := range append(refused[:len(refused):len(refused)], more...) {
		p = append(p, jump(unix.BPF_JEQ, nr, 0, 1), ret(errno(unix.EPERM)))
	}
	p = append(p, jump(unix.BPF_JEQ, unix.SYS_CLONE3, 0, 1), ret(errno(unix.ENOSYS)))
	p = append(p, jump(unix.BPF_JEQ, unix.SYS_CLONE, 0, 4),
		load(offArg0), jump(unix.BPF_JSET, newNamespace, 0, 1), ret(errno(unix.EPERM)), ret(unix.SECCOMP_RET_ALLOW))
	for _, nr := range []uint32{unix.SYS_SOCKET, unix.SYS_SOCKETPAIR} {
		p = append(p, jump(unix.BPF_JEQ, nr, 0, 4),
			load(offArg0), jump(unix.BPF_JEQ, unix.AF_UNIX, 1, 0), ret(errno(unix.EAFNOSUPPORT)), ret(unix.SECCOMP_RET_ALLOW))
	}
	p = append(p, jump(unix.BPF_JEQ, unix.SYS_IOCTL, 0, 5), load(offArg1),
		jump(unix.BPF_JEQ, unix.TIOCSTI, 1, 0), jump(unix.BPF_JEQ, unix.TIOCLINUX, 0, 1), ret(errno(unix.EPERM)), ret(unix.SECCOMP_RET_ALLOW))
	return append(p, ret(unix.SECCOMP_RET_ALLOW))
}

// filterSyscalls needs no_new_privs. It is the last thing before the exec.
func filterSyscalls() error {
	if auditArch == 0 {
		return fmt.Errorf("there is no system call filter for %s", runtime.GOARCH)
	}
	filter := program(auditArch, refusedHere, hasX32)
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&prog))); errno != 0 {
		return fmt.Errorf("seccomp: %w", errno)
	}
	return nil
}
