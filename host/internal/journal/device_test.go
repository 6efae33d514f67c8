package journal

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

const namespaced = "JOURNAL_TEST_NAMESPACE"

// inNamespace runs the calling test again in a network namespace of its own; in
// there it returns true.
func inNamespace(t *testing.T) bool {
	t.Helper()
	if os.Getenv(namespaced) != "" {
		return true
	}
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("needs root")
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), namespaced+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNET}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

// openTUN makes a TUN device that lives as long as the file is open, or for ever.
func openTUN(t *testing.T, name string, persistent int) {
	t.Helper()
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	must(t, err)
	t.Cleanup(func() { _ = unix.Close(fd) })
	request, err := unix.NewIfreq(name)
	must(t, err)
	request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	must(t, unix.IoctlIfreq(fd, unix.TUNSETIFF, request))
	must(t, unix.IoctlSetInt(fd, unix.TUNSETPERSIST, persistent))
}

// dead writes the journal of a host that has died.
func dead(t *testing.T, dir, name, device string) *Record {
	t.Helper()
	r, err := Begin(dir, name)
	must(t, err)
	r.e.Process.Start++
	must(t, r.Undo(mark(dir), device))
	return r
}

func TestDevices(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	dir := t.TempDir()
	for device, persistent := range map[string]int{"tun9": 0, "tun8": 1, "tun7": 0} {
		openTUN(t, device, persistent)
		r := dead(t, dir, device, device)
		if device == "tun7" { // another program has made a device of that name since
			r.e.Index += 1000
			must(t, r.write())
		}
	}
	dead(t, dir, "gone", "tun6")
	said := sweep(t, dir)
	for device, there := range map[string]bool{"tun9": false, "tun8": true, "tun7": true} {
		if (index(device) != 0) != there {
			t.Errorf("device %s is there: %v; %s", device, !there, said)
		}
	}
	trace := content(t, filepath.Join(dir, "trace"))
	if strings.Count(trace, "undo tun9 77 same\n") != 3 || !strings.Contains(trace, "undo penstock-gone 77 tun7\n") {
		t.Errorf("trace:\n%s", trace)
	}
}
