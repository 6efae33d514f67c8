package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// refusal is a system call that the kernel does not know, or will not do.
type refusal struct {
	Call   uint32
	Arg    int    // the argument that must have the value, from 0; -1: any
	Value  uint32 // the low half
	Answer syscall.Errno
}

// A kernel without one of the ways to be quick, or one that takes it away: the traffic
// goes another way.
func TestOffloadsAreRefused(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	all := map[string]refusal{
		"no sendmmsg":            {unix.SYS_SENDMMSG, -1, 0, unix.ENOSYS},
		"no recvmmsg":            {unix.SYS_RECVMMSG, -1, 0, unix.ENOSYS},
		"sendmmsg not permitted": {unix.SYS_SENDMMSG, -1, 0, unix.EPERM},
		"recvmmsg not permitted": {unix.SYS_RECVMMSG, -1, 0, unix.EPERM},
		"no UDP_SEGMENT":         {unix.SYS_GETSOCKOPT, 2, unix.UDP_SEGMENT, unix.ENOPROTOOPT},
		"no UDP_GRO":             {unix.SYS_SETSOCKOPT, 2, unix.UDP_GRO, unix.ENOPROTOOPT},
		"no TUN offload":         {unix.SYS_IOCTL, 1, unix.TUNSETOFFLOAD, unix.EINVAL},
	}
	cases := map[string][]refusal{"none of all": {}}
	for name, r := range all {
		cases[name] = []refusal{r}
		if r.Answer != unix.EPERM {
			cases["none of all"] = append(cases["none of all"], r)
		}
	}
	for name, refused := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			ocserv(t, l, testlab.Ocserv{})
			named := alice()
			named.Interface = "named0"
			c, err := l.Connect(within(t, 20*time.Second), refusing{client, refused}, named)
			must(t, err)
			says(t, l, "dtls")
			m := meter(t, l)
			quietly(t)
			moved(t, l, l.Client, 3_000_000)
			if w := read(t, m); w.UDP < 9_000_000 {
				t.Errorf("only %d bytes went over UDP", w.UDP)
			}
			disconnect(t, c)
		})
	}
}

// refusing is a client on a machine whose kernel refuses.
type refusing struct {
	testlab.Client
	refused []refusal
}

const refusingHook = "penstock-refusing"

func (r refusing) Args(l *testlab.Lab, s testlab.Spec) []string {
	text, err := json.Marshal(r.refused)
	program, failed := os.Executable()
	if err != nil || failed != nil {
		panic(fmt.Sprint(err, failed)) // numbers alone, and a path that is known
	}
	return append([]string{program, refusingHook, string(text)}, r.Client.Args(l, s)...)
}

// init turns the process into a client with its system calls refused, when it was
// started as that.
func init() {
	if len(os.Args) < 4 || os.Args[1] != refusingHook {
		return
	}
	var refused []refusal
	err := json.Unmarshal([]byte(os.Args[2]), &refused)
	if err == nil {
		runtime.LockOSThread()
		if err = install(refused); err == nil {
			err = syscall.Exec(os.Args[3], os.Args[3:], os.Environ())
		}
	}
	fmt.Fprintln(os.Stderr, refusingHook, err)
	os.Exit(1)
}

// install has the kernel refuse for this thread and what it starts.
func install(refused []refusal) error {
	const number, arguments = 0, 16 // offsets in struct seccomp_data
	load := func(at int) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: uint32(at)}
	}
	answer := func(k uint32) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: k}
	}
	unlessSkip := func(k uint32, skip uint8) unix.SockFilter {
		return unix.SockFilter{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: k, Jf: skip}
	}
	var p []unix.SockFilter
	for _, r := range refused {
		no := answer(unix.SECCOMP_RET_ERRNO | uint32(r.Answer))
		if p = append(p, load(number)); r.Arg < 0 {
			p = append(p, unlessSkip(r.Call, 1), no)
			continue
		}
		p = append(p, unlessSkip(r.Call, 3), load(arguments+8*r.Arg), unlessSkip(r.Value, 1), no)
	}
	p = append(p, answer(unix.SECCOMP_RET_ALLOW))
	program := unix.SockFprog{Len: uint16(len(p)), Filter: &p[0]}
	if _, _, errno := unix.RawSyscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, 0, uintptr(unsafe.Pointer(&program))); errno != 0 {
		return errno
	}
	for _, r := range refused {
		if _, _, errno := unix.RawSyscall6(uintptr(r.Call), ^uintptr(0), uintptr(r.Value), uintptr(r.Value), 0, 0, 0); errno != r.Answer {
			return fmt.Errorf("call %d still answers %v", r.Call, errno)
		}
	}
	return nil
}
