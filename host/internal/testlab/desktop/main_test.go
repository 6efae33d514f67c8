package desktop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

var (
	installed string                              // where `make install` put everything
	shots     = os.Getenv("PENSTOCK_SCREENSHOTS") // folder for pictures of the editors, "" for none
)

func TestMain(m *testing.M) {
	testlab.Init()
	dir, err := os.MkdirTemp("", "penstock-installed-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err == nil {
		err = testlab.Install(dir)
	}
	if err == nil {
		err = check(dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	installed = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// checks is how a program is started that loads the checked editor. What GTK keeps until the
// end is no leak of ours.
var checks = []string{"/usr/bin/env", "ASAN_OPTIONS=detect_leaks=0", "UBSAN_OPTIONS=print_stacktrace=1"}

// check puts editors in place of those installed that end the program, with words about
// it, at their first mistake with memory or arithmetic. What nmcli loads stays: it does
// not end with such libraries.
func check(dir string) error {
	const flags = "CFLAGS=-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all"
	libraries, err := filepath.Glob(filepath.Join(dir, "usr/lib/*/NetworkManager/libnm-gtk*-vpn-plugin-penstock-editor.so"))
	if err != nil || len(libraries) != 2 {
		return fmt.Errorf("the editors are not installed: %v, %v", libraries, err)
	}
	args := []string{"-B", "-C", "../../../../nm/editor", "OUT=" + filepath.Dir(libraries[0]), flags}
	if out, err := exec.Command("make", append(args, libraries...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("make: %w: %s", err, out)
	}
	library, err := exec.Command("cc", "-print-file-name=libasan.so").Output()
	checks = append(checks, "LD_PRELOAD="+strings.TrimSpace(string(library)))
	return err
}

// desk is a client with NetworkManager, penstock and a screen.
type desk struct {
	Hands
	*testlab.Lab
	nm *testlab.NM
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Parallel()
	l, err := testlab.New()
	must(t, err)
	d := &desk{Lab: l}
	t.Cleanup(func() {
		logs := l.Logs()
		if strings.Contains(logs, "SUMMARY: AddressSanitizer") || strings.Contains(logs, ": runtime error: ") {
			t.Error("a mistake in the editor")
		}
		if t.Failed() {
			t.Log(logs)
		}
		if d.Screen != nil {
			d.Screen.Close()
		}
		must(t, l.Close())
	})
	must(t, l.Client.WriteFile("/etc/penstock/plugins.d/acme.toml", acme, 0o644))
	d.nm, err = l.StartNetworkManager(testlab.NetworkManager{Usr: installed})
	must(t, err)
	screen, err := Open(l.Client)
	must(t, err)
	d.Hands = Hands{screen, t}
	return d
}

// nmcli runs it and wants it to succeed.
func (d *desk) nmcli(args ...string) string {
	d.t.Helper()
	out, err := d.nm.Nmcli(args...)
	must(d.t, err)
	return strings.TrimSpace(out)
}

// data is a connection's vpn.data as a map.
func (d *desk) data(name string) map[string]string {
	d.t.Helper()
	all := map[string]string{}
	for item := range strings.SplitSeq(d.nmcli("-g", "vpn.data", "connection", "show", name), ", ") {
		key, value, _ := strings.Cut(item, " = ")
		all[key] = strings.ReplaceAll(value, `\`, "")
	}
	return all
}

// wants compares some of a connection's data.
func (d *desk) wants(name string, want map[string]string) {
	d.t.Helper()
	got := d.data(name)
	for key, value := range want {
		if got[key] != value {
			d.t.Errorf("%s: %s is %q, want %q; all is %v", name, key, got[key], value, got)
		}
	}
}

// there waits until NetworkManager has a connection of that name.
func (d *desk) there(name string) {
	d.t.Helper()
	d.await("the connection "+name, func() bool {
		_, err := d.nm.Nmcli("-g", "connection.uuid", "connection", "show", name)
		return err == nil
	})
}

func (d *desk) begin(args ...string) *testlab.Process {
	d.t.Helper()
	p, err := d.Start(slices.Concat(checks, args)...)
	must(d.t, err)
	return p
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(context.Background(), d, fmt.Errorf("not within %s", d))
	t.Cleanup(cancel)
	return ctx
}

// acme is the manifest of a plugin that the project does not know; it is never run.
const acme = `contract = 1
name = "acme"
version = "1.0"
exec = "/bin/true"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
needs = ["tls"]
[[protocol]]
name = "acme"
label = "Acme Tunnel"
[[option]]
key = "mode"
type = "enum"
label = "Mode"
choices = ["plain", "token"]
default = "plain"
group = "Acme"
[[option]]
key = "token-file"
type = "file"
label = "Token file"
group = "Acme"
visible-if = { key = "mode", value = "token" }
[[option]]
key = "retries"
type = "int"
label = "Retries"
help = "How often to try."
min = 1
max = 9
group = "Acme"
`
