package plugin

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const denied, noFile, noFamily = "operation not permitted", "no such file or directory", "address family not supported by protocol"

// fails are the probe's attempts that must not succeed, and how they end.
var fails = map[string]string{
	"socket inet": noFamily, "socket inet6": noFamily, "socket netlink": noFamily, "socket packet": noFamily,
	"socket vsock": noFamily, "socket alg": noFamily, "dial": noFamily,
	"read shadow": noFile, "read passwd": noFile, "read marker": noFile, "open tun": noFile,
	"write root": "read-only file system", "exec run": "permission denied", "fill run": "",
	"ptrace": denied, "read process": denied, "mount": denied, "unshare": denied, "setns": denied, "chroot": denied,
	"bpf": denied, "keyctl": denied, "perf": denied, "userfaultfd": denied, "io_uring": denied, "module": denied,
	"setuid": denied, "tiocsti": denied, "raise nofile": denied, "raise data": denied, "add capability": denied,
	"abstract socket": "connection refused", "stdin": "EOF", "signal host": "no such process", "signal others": "no such process",
	"clone user": denied,
}

// report starts the probe and returns what it saw.
func report(t *testing.T, program string) map[string]string {
	t.Helper()
	marker := filepath.Join(t.TempDir(), "marker")
	if err := os.WriteFile(marker, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	abstract := fmt.Sprintf("@penstock-test-%d", os.Getpid())
	l, err := net.Listen("unix", abstract)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("PENSTOCK_TEST_MARKER", "host only")
	p := started(t, manifest(t, program, "report", marker, abstract, strconv.Itoa(os.Getpid())))
	var r map[string]string
	if err := json.Unmarshal([]byte(said(t, opened(t, p))), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestPluginCannotReachOut(t *testing.T) {
	needRoot(t)
	for name, program := range map[string]string{"static": probeStatic, "dynamic": probeDynamic} {
		t.Run(name, func(t *testing.T) {
			r := report(t, program)
			for attempt, want := range fails {
				if got, tried := r[attempt]; !tried || !strings.HasSuffix(got, want) {
					t.Errorf("%s: got %q (tried: %v), want %q", attempt, got, tried, want)
				}
			}
			for _, attempt := range []string{"socket unix", "write run"} {
				if r[attempt] != "" {
					t.Errorf("%s: %s, want it to work", attempt, r[attempt])
				}
			}
			if strings.Contains(r["mounts"], "nosuid=false") || !strings.HasPrefix(r["mounts"], "/ nosuid=true readonly=true") {
				t.Errorf("mounts: %s", r["mounts"])
			}
		})
	}
}

func TestPluginHasNothing(t *testing.T) {
	needRoot(t)
	// Libraries open the TUN device so that it survives an exec; it must not reach a plugin.
	tun, err := unix.Open("/dev/net/tun", unix.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(tun)
	r := report(t, probeStatic)
	if strings.Contains(r["environment"], "MARKER") || !strings.Contains(r["environment"], "PENSTOCK_FD=3") {
		t.Errorf("environment: %q", r["environment"])
	}
	// The host's pid is in the namespace's own numbers: the plugin is alone in there.
	for key, want := range map[string]string{"pid": "1", "groups": "[]", "no_new_privs": "1", "tree": "dev run", "capabilities": "[{0 0 0} {0 0 0}] 0"} {
		if r[key] != want {
			t.Errorf("%s: got %q, want %q", key, r[key], want)
		}
	}
	if r["uid"] != r["gid"] || len(r["uid"]) != 10 {
		t.Errorf("uid %s, gid %s: want its own above 0x70000000", r["uid"], r["gid"])
	}
	// Nothing but stdin (a device), two pipes and the descriptor socket.
	kinds := strings.Fields(r["descriptors"])
	if len(kinds) != 4 || !slices.IsSorted(kinds) || !strings.HasPrefix(kinds[3], "3:140000:") {
		t.Errorf("descriptors: %q, want stdin, stdout, stderr and one socket", r["descriptors"])
	}
}
