package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// look tries what a plugin must not be able to do. The values are errors, "" for success.
func look() map[string]string {
	r := map[string]string{
		"uid":          strconv.Itoa(os.Getuid()),
		"gid":          strconv.Itoa(os.Getgid()),
		"pid":          strconv.Itoa(os.Getpid()),
		"environment":  strings.Join(os.Environ(), "\n"),
		"groups":       groups(),
		"descriptors":  descriptors(),
		"tree":         tree("/"),
		"no_new_privs": prctl(unix.PR_GET_NO_NEW_PRIVS),
		"capabilities": capabilities(),
		"limits":       limits(),
		"mounts":       mounts(),
	}
	for name, try := range attempts {
		r[name] = text(try())
	}
	return r
}

var attempts = map[string]func() error{
	"socket inet":    func() error { return socket(unix.AF_INET, unix.SOCK_STREAM) },
	"socket inet6":   func() error { return socket(unix.AF_INET6, unix.SOCK_DGRAM) },
	"socket netlink": func() error { return socket(unix.AF_NETLINK, unix.SOCK_RAW) },
	"socket packet":  func() error { return socket(unix.AF_PACKET, unix.SOCK_RAW) },
	"socket vsock":   func() error { return socket(unix.AF_VSOCK, unix.SOCK_STREAM) },
	"socket alg":     func() error { return socket(unix.AF_ALG, unix.SOCK_SEQPACKET) },
	"socket unix":    func() error { return socket(unix.AF_UNIX, unix.SOCK_STREAM) },
	"dial": func() error {
		_, err := net.DialTimeout("tcp", "127.0.0.1:1", time.Second)
		return err
	},
	"read shadow": func() error { return read("/etc/shadow") },
	"read passwd": func() error { return read("/etc/passwd") },
	"read marker": func() error { return read(os.Args[2]) },
	"write root":  func() error { return os.WriteFile("/here", []byte("x"), 0o600) },
	"write run":   func() error { return os.WriteFile("/run/penstock/here", []byte("x"), 0o600) },
	"exec run": func() error {
		_ = os.WriteFile("/run/penstock/program", []byte("#!/bin/sh\n"), 0o700)
		return exec.Command("/run/penstock/program").Run()
	},
	"fill run": func() error {
		defer os.Remove("/run/penstock/big")
		return os.WriteFile("/run/penstock/big", make([]byte, 2<<20), 0o600)
	},
	"open tun":     func() error { return read("/dev/net/tun") },
	"ptrace":       func() error { return call(unix.SYS_PTRACE, unix.PTRACE_TRACEME) },
	"read process": func() error { return call(unix.SYS_PROCESS_VM_READV, 1) },
	"mount":        func() error { return unix.Mount("x", "/run/penstock", "tmpfs", 0, "") },
	"unshare":      func() error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"clone user": func() error {
		cmd := exec.Command("/bin/true")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWUSER}
		return cmd.Run()
	},
	"setns":       func() error { return call(unix.SYS_SETNS, 0) },
	"bpf":         func() error { return call(unix.SYS_BPF, 0) },
	"keyctl":      func() error { return call(unix.SYS_KEYCTL, 0) },
	"perf":        func() error { return call(unix.SYS_PERF_EVENT_OPEN, 0) },
	"userfaultfd": func() error { return call(unix.SYS_USERFAULTFD, 0) },
	"io_uring":    func() error { return call(unix.SYS_IO_URING_SETUP, 1) },
	"module":      func() error { return call(unix.SYS_FINIT_MODULE, 0) },
	"setuid":      func() error { return unix.Setresuid(0, 0, 0) },
	"chroot":      func() error { return unix.Chroot("/") },
	"tiocsti": func() error {
		b := byte('x')
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, 0, unix.TIOCSTI, uintptr(unsafe.Pointer(&b)))
		return number(errno)
	},
	"signal host": func() error {
		pid, err := strconv.Atoi(os.Args[4])
		return errors.Join(err, unix.Kill(pid, 0))
	},
	"signal others": func() error { return unix.Kill(-1, 0) },
	"raise nofile":  func() error { return raise(unix.RLIMIT_NOFILE) },
	"raise data":    func() error { return raise(unix.RLIMIT_DATA) },
	"add capability": func() error {
		return unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_NET_ADMIN, 0, 0)
	},
	"abstract socket": func() error {
		_, err := net.Dial("unix", os.Args[3])
		return err
	},
	"stdin": func() error {
		n, err := os.Stdin.Read(make([]byte, 1))
		if n > 0 {
			return nil
		}
		return err
	},
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func number(errno unix.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

func call(nr uintptr, arg uintptr) error {
	_, _, errno := unix.Syscall6(nr, arg, 0, 0, 0, 0, 0)
	return number(errno)
}

func socket(family, kind int) error {
	fd, err := unix.Socket(family, kind, 0)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func read(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Read(make([]byte, 1))
	return err
}

func raise(resource int) error {
	return unix.Setrlimit(resource, &unix.Rlimit{Cur: 1 << 30, Max: 1 << 30})
}

func groups() string {
	g, err := os.Getgroups()
	return fmt.Sprint(g, text(err))
}

// descriptors are the kinds of the open ones, by fstat: there is no /proc.
func descriptors() string {
	var all []string
	for fd := range 256 {
		var st unix.Stat_t
		if unix.Fstat(fd, &st) != nil {
			continue
		}
		flags, _ := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if fd > 2 && flags&unix.FD_CLOEXEC != 0 && fd != 3 {
			continue // Go's own, opened after the exec
		}
		all = append(all, fmt.Sprintf("%d:%o:%d", fd, st.Mode&unix.S_IFMT, st.Rdev))
	}
	return strings.Join(all, " ")
}

func tree(dir string) string {
	var all []string
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ") + text(err)
}

func prctl(option int) string {
	v, err := unix.PrctlRetInt(option, 0, 0, 0, 0)
	return fmt.Sprint(v, text(err))
}

func capabilities() string {
	var data [2]unix.CapUserData
	err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &data[0])
	bounding := 0
	for c := uintptr(0); c <= unix.CAP_LAST_CAP; c++ {
		if v, _ := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0); v == 1 {
			bounding++
		}
	}
	return fmt.Sprint(data, bounding, text(err))
}

func limits() string {
	var all []string
	for _, r := range []int{unix.RLIMIT_CORE, unix.RLIMIT_DATA, unix.RLIMIT_NOFILE, unix.RLIMIT_NPROC, unix.RLIMIT_FSIZE} {
		var l unix.Rlimit
		_ = unix.Getrlimit(r, &l)
		all = append(all, fmt.Sprint(l.Max))
	}
	return strings.Join(all, " ")
}

// mounts are the flags of those where programs are.
func mounts() string {
	var all []string
	for _, path := range []string{"/", "/usr", "/run/penstock"} {
		var st unix.Statfs_t
		if unix.Statfs(path, &st) != nil {
			continue
		}
		all = append(all, fmt.Sprintf("%s nosuid=%v readonly=%v", path, st.Flags&unix.ST_NOSUID != 0, st.Flags&unix.ST_RDONLY != 0))
	}
	return strings.Join(all, ", ")
}
