package sandbox

import (
	"encoding/binary"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// decide runs the filter over one system call. x/net's machine loads big-endian
// words, the kernel's native ones: the data is laid out for the former.
func decide(t *testing.T, filter []unix.SockFilter, arch, nr uint32, args ...uint32) uint32 {
	t.Helper()
	var raw []bpf.RawInstruction
	for _, f := range filter {
		raw = append(raw, bpf.RawInstruction{Op: f.Code, Jt: f.Jt, Jf: f.Jf, K: f.K})
	}
	instructions, ok := bpf.Disassemble(raw)
	if !ok {
		t.Fatal("the filter holds an instruction that is none")
	}
	machine, err := bpf.NewVM(instructions)
	if err != nil {
		t.Fatal(err)
	}
	data := binary.BigEndian.AppendUint32(nil, nr)
	data = binary.BigEndian.AppendUint32(data, arch)
	data = append(data, make([]byte, 56)...)
	for i, a := range args {
		binary.BigEndian.PutUint32(data[offArg0+8*i:], a)
	}
	verdict, err := machine.Run(data)
	if err != nil {
		t.Fatal(err)
	}
	return uint32(verdict)
}

func TestFilter(t *testing.T) {
	const here = unix.AUDIT_ARCH_X86_64
	filter := program(here, []uint32{unix.SYS_ACCT}, true)
	allow, perm, kill, family := uint32(unix.SECCOMP_RET_ALLOW), errno(unix.EPERM), uint32(unix.SECCOMP_RET_KILL_PROCESS), errno(unix.EAFNOSUPPORT)
	for _, c := range []struct {
		name     string
		arch, nr uint32
		args     []uint32
		want     uint32
	}{
		{"read", here, unix.SYS_READ, nil, allow},
		{"execveat", here, unix.SYS_EXECVEAT, nil, allow},
		{"32 bit", unix.AUDIT_ARCH_I386, unix.SYS_READ, nil, kill},
		{"x32", here, 0x40000000 | unix.SYS_READ, nil, kill},
		{"ptrace", here, unix.SYS_PTRACE, nil, perm},
		{"the last of the list", here, refused[len(refused)-1], nil, perm},
		{"the architecture's own", here, unix.SYS_ACCT, nil, perm},
		{"clone3", here, unix.SYS_CLONE3, nil, errno(unix.ENOSYS)},
		{"thread", here, unix.SYS_CLONE, []uint32{unix.CLONE_VM | unix.CLONE_THREAD | unix.CLONE_SIGHAND}, allow},
		{"fork", here, unix.SYS_CLONE, []uint32{uint32(unix.SIGCHLD)}, allow},
		{"user namespace", here, unix.SYS_CLONE, []uint32{unix.CLONE_NEWUSER}, perm},
		{"net namespace with more", here, unix.SYS_CLONE, []uint32{unix.CLONE_VM | unix.CLONE_NEWNET}, perm},
		{"unix socket", here, unix.SYS_SOCKET, []uint32{unix.AF_UNIX}, allow},
		{"inet socket", here, unix.SYS_SOCKET, []uint32{unix.AF_INET}, family},
		{"netlink socket", here, unix.SYS_SOCKET, []uint32{unix.AF_NETLINK}, family},
		{"tipc socket pair", here, unix.SYS_SOCKETPAIR, []uint32{unix.AF_TIPC}, family},
		{"terminal ioctl", here, unix.SYS_IOCTL, []uint32{0, unix.TCGETS}, allow},
		{"terminal input", here, unix.SYS_IOCTL, []uint32{0, unix.TIOCSTI}, perm},
		{"console selection", here, unix.SYS_IOCTL, []uint32{0, unix.TIOCLINUX}, perm},
	} {
		if got := decide(t, filter, c.arch, c.nr, c.args...); got != c.want {
			t.Errorf("%s: got %#x, want %#x", c.name, got, c.want)
		}
	}
}

// A jump of the filter is a byte: it must hold however long the list grows.
func TestFilterIsShort(t *testing.T) {
	if n := len(program(auditArch, refusedHere, hasX32)); n > 4096 {
		t.Errorf("%d instructions, the kernel takes 4096", n)
	}
}
