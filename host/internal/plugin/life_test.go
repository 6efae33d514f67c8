package plugin

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

func streamPair(t *testing.T) (ours, theirs *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { ours.Close(); theirs.Close() })
	return ours, theirs
}

func alive(pid int) bool { return !errors.Is(unix.Kill(pid, 0), unix.ESRCH) }

func TestDeathIsNoticed(t *testing.T) {
	needRoot(t)
	p := started(t, manifest(t, probeStatic, "wait"))
	s := opened(t, p)
	said(t, s)
	if err := unix.Kill(p.Pid(), unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	within(t, "Done after kill -9", p.Done())
	if _, err := s.Recv(); diag.Of(err).Code != diag.Plugin || !strings.Contains(err.Error(), "it was killed") {
		t.Errorf("Recv: %v", err)
	}
	if alive(p.Pid()) {
		t.Error("it was not reaped")
	}
}

func TestKillEndsDescendants(t *testing.T) {
	needRoot(t)
	p := started(t, manifest(t, probeDynamic, "children"))
	said(t, opened(t, p))
	all := members(t, p.Pid())
	if len(all) < 4 {
		t.Fatalf("processes of the plugin: %v, want it and three more", all)
	}
	p.Kill()
	for _, pid := range all {
		eventually(t, fmt.Sprintf("process %d is gone", pid), func() bool { return !alive(pid) })
	}
	p.Kill() // again is nothing
}

// members are the processes in pid's pid namespace.
func members(t *testing.T, pid int) []int {
	t.Helper()
	own, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/pid", pid))
	if err != nil {
		t.Fatal(err)
	}
	links, _ := filepath.Glob("/proc/[0-9]*/ns/pid")
	var all []int
	for _, link := range links {
		if ns, err := os.Readlink(link); err == nil && ns == own {
			var member int
			_, _ = fmt.Sscanf(link, "/proc/%d/", &member)
			all = append(all, member)
		}
	}
	return all
}

func TestKillOfAStoppedPlugin(t *testing.T) {
	needRoot(t)
	p := started(t, manifest(t, probeStatic, "wait"))
	if err := unix.Kill(p.Pid(), unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	p.Kill()
	within(t, "Done", p.Done())
}

func TestNamespacesAreItsOwn(t *testing.T) {
	needRoot(t)
	p := started(t, manifest(t, probeStatic, "wait"))
	for _, ns := range []string{"net", "pid", "ipc", "uts", "mnt"} {
		theirs, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", p.Pid(), ns))
		ours, err2 := os.Readlink("/proc/self/ns/" + ns)
		if err != nil || err2 != nil || theirs == ours {
			t.Errorf("%s: plugin %s, host %s (%v, %v)", ns, theirs, ours, err, err2)
		}
		t.Logf("pid %d: %s", p.Pid(), theirs)
	}
	routes, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/route", p.Pid()))
	if err != nil || strings.Count(string(routes), "\n") > 1 {
		t.Errorf("routes: %q, %v", routes, err)
	}
}

func TestProgramIsSealed(t *testing.T) {
	needRoot(t)
	p := started(t, manifest(t, probeStatic, "wait"))
	exe := fmt.Sprintf("/proc/%d/exe", p.Pid())
	if target, err := os.Readlink(exe); err != nil || !strings.HasPrefix(target, "/memfd:penstock-probe") {
		t.Errorf("it runs %s, %v", target, err)
	}
	f, err := os.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := unix.FcntlInt(f.Fd(), unix.F_GET_SEALS, 0)
	if want := unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE; err != nil || got&want != want {
		t.Errorf("seals %#x, %v, want %#x", got, err, want)
	}
	// The kernel keeps the memory of a program that nobody may read to itself.
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid()))
	if err != nil || !strings.Contains(string(status), "CoreDumping:\t0") || !strings.Contains(string(status), "Seccomp:\t2") || !strings.Contains(string(status), "CapBnd:\t0000000000000000") {
		t.Errorf("status: %s, %v", status, err)
	}
	st, err := os.Stat(fmt.Sprintf("/proc/%d/mem", p.Pid()))
	if err != nil || st.Sys() == nil {
		t.Errorf("mem: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	needRoot(t)
	p := started(t, manifest(t, probeStatic, "eat"))
	s := opened(t, p)
	var err error
	for err == nil {
		_, err = s.Recv()
	}
	within(t, "Done", p.Done())
	if diag.Of(err).Code != diag.Plugin || !strings.Contains(p.Err().Error(), "it ended with status 2") {
		t.Errorf("Recv: %v; Err: %v", err, p.Err())
	}
	p.Kill()
	started(t, manifest(t, probeStatic, "wait")) // others go on
}

func TestSessionBreaches(t *testing.T) {
	needRoot(t)
	for breach, want := range map[string]string{
		"too early": "NetConfig is not permitted before the first SetPhase",
		"too large": "larger than max",
		"too long":  "Checkpoint: data has 66560 bytes, at most 65536 are allowed",
		"die":       "has ended: it ended with status 4",
	} {
		t.Run(breach, func(t *testing.T) {
			s := opened(t, started(t, manifest(t, probeStatic, "raw", breach)))
			var err error
			for err == nil {
				_, err = s.Recv()
			}
			if diag.Of(err).Code != diag.Plugin || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
			if _, again := s.Recv(); again == nil {
				t.Error("the session goes on")
			}
			if strings.HasPrefix(breach, "too early") && s.ctx.Err() == nil {
				t.Error("the plugin may go on talking")
			}
		})
	}
}

func TestPanicOfThePlugin(t *testing.T) {
	needRoot(t)
	s := opened(t, started(t, manifest(t, probeStatic, "panic")))
	if _, err := s.Recv(); diag.Of(err).Code != diag.Plugin || !strings.Contains(err.Error(), "status 2") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownMessageIsAnswered(t *testing.T) {
	needRoot(t)
	s := opened(t, started(t, manifest(t, probeStatic, "raw", "unknown")))
	if got := said(t, s); got != pluginpb.Code_CODE_UNKNOWN_MESSAGE.String() {
		t.Errorf("the plugin was answered %s", got)
	}
}

func TestGivenUpSession(t *testing.T) {
	needRoot(t)
	s := opened(t, started(t, manifest(t, probeStatic, "wait")))
	said(t, s)
	time.AfterFunc(10*time.Millisecond, s.cancel)
	if _, err := s.Recv(); diag.Of(err).Code != diag.Cancelled {
		t.Errorf("got %v", err)
	}
}
