package vpncscript

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// tunnelProgram starts script and returns our end of its socket.
func tunnelProgram(t *testing.T, script string) (*TunnelProgram, *os.File) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	must(t, err)
	ours, theirs := os.NewFile(uintptr(fds[0]), "ours"), os.NewFile(uintptr(fds[1]), "theirs")
	t.Cleanup(func() { must(t, ours.Close()) })
	p, err := StartTunnel(Options{Script: script, PID: 77, Environ: []string{"PATH=/usr/bin:/bin", "reason=mine", "VPNFD=9"}}, goldens["split"], theirs)
	must(t, err)
	must(t, theirs.Close())
	return p, ours
}

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func TestTunnelProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "env")
	p, ours := tunnelProgram(t, "env >"+file+`; printf answer >&$VPNFD; cat <&$VPNFD`)
	buf := make([]byte, 100)
	n, err := ours.Read(buf)
	must(t, err)
	if string(buf[:n]) != "answer" {
		t.Errorf("it sent %q", buf[:n])
	}
	p.End()
	if err := p.Wait(patient(t)); err == nil || !strings.Contains(err.Error(), "hangup") {
		t.Errorf("it ended with %v", err)
	}
	got := readFile(t, file)
	for _, want := range []string{"VPNFD=3\n", "VPNPID=77\n", "INTERNAL_IP4_ADDRESS="} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing:\n%s", want, got)
		}
	}
	if strings.Contains(got, "reason=") {
		t.Errorf("there is a reason:\n%s", got)
	}
}

func TestTunnelProgramThatFails(t *testing.T) {
	p, _ := tunnelProgram(t, "exit 3")
	if err := p.Wait(patient(t)); err == nil || !strings.Contains(err.Error(), "returned 3") {
		t.Error(err)
	}
}

// A shell may leave the program in the background: that is not the end.
func TestTunnelProgramInTheBackground(t *testing.T) {
	p, ours := tunnelProgram(t, "(printf here >&$VPNFD; cat <&$VPNFD >/dev/null) & exit 0")
	buf := make([]byte, 10)
	_, err := ours.Read(buf)
	must(t, err)
	<-p.done
	if !p.held() {
		t.Error("nobody seems to have the socket")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Wait(ctx); err != context.Canceled {
		t.Error(err)
	}
	p.End()
}
