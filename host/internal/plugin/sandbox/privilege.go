package sandbox

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// secureBits are SECBIT_NOROOT, SECBIT_NO_CAP_AMBIENT_RAISE and their locks
// (linux/securebits.h): uid 0 means nothing, and no capability survives an exec.
const secureBits = 1<<0 | 1<<1 | 1<<6 | 1<<7

// limit sets the resource limits; raising them again is beyond the program.
func limit() error {
	limits := []struct {
		name     string
		resource int
		value    uint64
	}{
		{"RLIMIT_NOFILE", unix.RLIMIT_NOFILE, fileLimit},
		{"RLIMIT_NPROC", unix.RLIMIT_NPROC, threadLimit},
		{"RLIMIT_FSIZE", unix.RLIMIT_FSIZE, runtimeSize},
		{"RLIMIT_MEMLOCK", unix.RLIMIT_MEMLOCK, 0},
		{"RLIMIT_MSGQUEUE", unix.RLIMIT_MSGQUEUE, 0},
		// One byte is no core file, and the kernel's way to say that a core dump
		// handler gets nothing either, which 0 does not (core(5), do_coredump).
		{"RLIMIT_CORE", unix.RLIMIT_CORE, 1},
	}
	for _, l := range limits {
		if err := unix.Prlimit(0, l.resource, &unix.Rlimit{Cur: l.value, Max: l.value}, nil); err != nil {
			return fmt.Errorf("%s: %w", l.name, err)
		}
	}
	return nil
}

// limitMemory comes right before the exec: the stage may be larger than that.
func limitMemory() error {
	limit := unix.Rlimit{Cur: memoryLimit, Max: memoryLimit}
	if _, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_DATA, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); errno != 0 {
		return fmt.Errorf("RLIMIT_DATA: %w", errno)
	}
	return nil
}

// dropPrivileges leaves the program with its own uid and nothing else; warnings are
// what this kernel could not do.
func dropPrivileges(uid int) (warnings []string, err error) {
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, secureBits, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("securebits: %w", err)
	}
	for c := uintptr(0); c <= unix.CAP_LAST_CAP+64; c++ {
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break // the kernel knows no more
		} else if err != nil {
			return nil, fmt.Errorf("dropping capability %d: %w", c, err)
		}
	}
	if err := takeUID(uid); err != nil {
		return nil, err
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("ambient capabilities: %w", err)
	}
	var none [2]unix.CapUserData
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
		return nil, fmt.Errorf("capset: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("no_new_privs: %w", err)
	}
	if err := dieWithHost(); err != nil {
		return nil, err
	}
	if err := restrictFiles(); errors.Is(err, errNoLandlock) {
		warnings = append(warnings, "this kernel has no landlock; the plugin is held by its namespaces, uid and system call filter alone")
	} else if err != nil {
		return nil, err
	}
	return warnings, nil
}

// dieWithHost asks for SIGKILL when the host dies. The clone asked for it too, but
// changing the uid took it back; a host that died in between has closed its end of the socket.
func dieWithHost() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("parent-death signal: %w", err)
	}
	poll := []unix.PollFd{{Fd: hostFD, Events: unix.POLLIN}}
	if _, err := unix.Poll(poll, 0); err == nil && poll[0].Revents&unix.POLLHUP != 0 {
		return errors.New("the host is gone")
	}
	return nil
}
