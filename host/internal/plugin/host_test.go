package plugin

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// envHost makes the test binary a host of its own: it starts the plugin of the
// manifest in the variable, prints its pid and what it said first, and waits.
const envHost = "PENSTOCK_TEST_HOST"

func beHost() {
	var m registry.Manifest
	fail := func(err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
	}
	fail(json.Unmarshal([]byte(os.Getenv(envHost)), &m))
	p, err := Start(context.Background(), Launch{Manifest: m})
	fail(err)
	s, err := p.Session(context.Background())
	fail(err)
	fail(s.Send(&pluginpb.FromHost{Message: &pluginpb.FromHost_Start{Start: &pluginpb.Start{Protocol: "probe"}}}))
	said, err := s.Recv()
	fail(err)
	fmt.Println("pid", p.Pid(), said.GetProgress().GetText())
	_, _ = os.Stdin.Read(make([]byte, 1))
	p.Kill()
	os.Exit(0)
}

// otherHost runs beHost in another process; its plugin's pid and words come back.
func otherHost(t *testing.T, m registry.Manifest, as *syscall.Credential) (host *exec.Cmd, pid int, said string) {
	t.Helper()
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	host = exec.Command("/proc/self/exe")
	host.Dir = "/"
	host.Env = append(os.Environ(), envHost+"="+string(text))
	host.SysProcAttr = &syscall.SysProcAttr{Credential: as, Pdeathsig: syscall.SIGKILL}
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := host.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = host.Wait() })
	scanner := bufio.NewScanner(out)
	scanner.Buffer(nil, 1<<20)
	scanner.Scan()
	if n, _ := fmt.Sscanf(scanner.Text(), "pid %d", &pid); n != 1 {
		t.Fatalf("the other host said %q", scanner.Text())
	}
	_, said, _ = strings.Cut(strings.TrimPrefix(scanner.Text(), "pid "), " ")
	return host, pid, said
}

func TestPluginDiesWithItsHost(t *testing.T) {
	needRoot(t)
	// This one does not look whether its host is there.
	host, pid, _ := otherHost(t, manifest(t, probeStatic, "raw", "deaf"), nil)
	if !alive(pid) {
		t.Fatal("the plugin does not run")
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the plugin is gone", func() bool { return !alive(pid) })
}

// A host that is not root has namespaces within a user namespace.
func TestRootlessHost(t *testing.T) {
	needRoot(t)
	_, _, said := otherHost(t, manifest(t, probeStatic, "report", "/etc/hostname", "@x", "4194303"), &syscall.Credential{Uid: 65534, Gid: 65534})
	var r map[string]string
	if err := json.Unmarshal([]byte(said), &r); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	for attempt, want := range fails {
		if attempt == "setuid" {
			want = "invalid argument" // there is no uid 0 in that namespace
		}
		if !strings.HasSuffix(r[attempt], want) {
			t.Errorf("%s: got %q, want %q", attempt, r[attempt], want)
		}
	}
	for key, want := range map[string]string{"uid": "65534", "pid": "1", "tree": "dev run", "capabilities": "[{0 0 0} {0 0 0}] 0", "no_new_privs": "1"} {
		if r[key] != want {
			t.Errorf("%s: got %q, want %q", key, r[key], want)
		}
	}
}
