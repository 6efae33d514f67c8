package journal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// The test binary is a host when this is set: it writes its journal into the folder
// named and waits to be killed.
const hostFolder = "JOURNAL_TEST_HOST"

func TestMain(m *testing.M) {
	if dir := os.Getenv(hostFolder); dir != "" {
		host(dir)
	}
	os.Exit(m.Run())
}

func host(dir string) {
	r, err := Begin(dir, "corp")
	if err == nil {
		err = r.Undo(mark(dir), os.Getenv("JOURNAL_TEST_DEVICE"))
	}
	fmt.Println("ready", err)
	select {}
}

// mark is an undoing command that leaves a trace.
func mark(dir string) netcfg.Command {
	return netcfg.Command{
		Args: []string{"/bin/sh", "-c", `echo "undo $TUNDEV $VPNPID ${PENSTOCK_TUNDEV:-same}" >>trace; echo done`},
		Env:  []string{"PATH=/usr/bin:/bin", "TUNDEV=tun9", "VPNPID=77"},
		Dir:  dir,
	}
}

// startHost starts another process that holds a journal in dir.
func startHost(t *testing.T, dir, device string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), hostFolder+"="+dir, "JOURNAL_TEST_DEVICE="+device)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready <nil>\n" {
		t.Fatalf("the host said %q, %v", line, err)
	}
	return cmd
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

func sweep(t *testing.T, dir string) string {
	t.Helper()
	said, err := Sweep(t.Context(), dir)
	must(t, err)
	return strings.Join(said, "\n")
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

func TestLife(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "run")
	if said := sweep(t, dir); said != "" {
		t.Errorf("a missing folder: %s", said)
	}
	r, err := Begin(dir, "corp")
	must(t, err)
	must(t, r.Undo(mark(dir), "lo"))
	info, err := os.Stat(filepath.Join(dir, "corp.journal"))
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if _, err := Begin(dir, "corp"); err == nil || !strings.Contains(err.Error(), fmt.Sprint(os.Getpid())) {
		t.Errorf("a second host of the same name: %v", err)
	}
	if said := sweep(t, dir); said != "" {
		t.Errorf("a living host: %s", said)
	}
	e, err := read(r.path)
	must(t, err)
	if e.Index != 1 || e.Interface != "lo" || !slices.Equal(e.Undo.Env, mark(dir).Env) {
		t.Errorf("read back: %+v", e)
	}
	must(t, r.End())
	must(t, r.End())
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left behind: %q", left)
	}
}

func TestSweepAfterKill(t *testing.T) {
	for _, reaped := range []bool{true, false} {
		dir := t.TempDir()
		h := startHost(t, dir, "")
		must(t, os.WriteFile(filepath.Join(dir, "corp.sock"), nil, 0o600))
		must(t, os.WriteFile(filepath.Join(dir, "other.sock"), nil, 0o600))
		if said := sweep(t, dir); said != "" {
			t.Fatalf("before the kill: %s", said)
		}
		must(t, h.Process.Kill())
		if reaped {
			_ = h.Wait()
		} else {
			awaitDead(t, h.Process.Pid)
		}
		if _, err := Begin(dir, "corp"); err == nil {
			t.Error("a new host overwrote what was not cleaned up")
		}
		said := sweep(t, dir)
		for _, part := range []string{fmt.Sprintf("process %d was killed", h.Process.Pid), "corp: done", "network settings removed"} {
			if !strings.Contains(said, part) {
				t.Errorf("%q is not said: %s", part, said)
			}
		}
		if got := content(t, filepath.Join(dir, "trace")); got != "undo tun9 77 same\n" {
			t.Errorf("trace %q", got)
		}
		if left := names(t, dir); !slices.Equal(left, []string{"other.sock", "trace"}) {
			t.Errorf("left: %q", left)
		}
		if said := sweep(t, dir); said != "" {
			t.Errorf("again: %s", said)
		}
	}
}

// awaitDead waits until pid is dead, not reaped.
func awaitDead(t *testing.T, pid int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if _, state, err := stat(pid); err != nil || state == 'Z' {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("process %d lives", pid)
		}
	}
}

// A process id that is used again is another process.
func TestSweepSeesThroughReusedPIDs(t *testing.T) {
	for name, change := range map[string]func(*entry){
		"start": func(e *entry) { e.Process.Start++ },
		"boot":  func(e *entry) { e.Process.Boot = "earlier" },
	} {
		dir := t.TempDir()
		r, err := Begin(dir, "corp")
		must(t, err)
		change(&r.e)
		must(t, r.Undo(mark(dir), ""))
		if said := sweep(t, dir); !strings.Contains(said, "settings removed") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestFailingUndoIsSaidOnce(t *testing.T) {
	dir := t.TempDir()
	r, err := Begin(dir, "corp")
	must(t, err)
	r.e.Process.Start++
	must(t, r.Undo(netcfg.Command{Args: []string{"/bin/sh", "-c", "echo no; exit 4"}}, ""))
	if said := sweep(t, dir); !strings.Contains(said, "corp: no") || !strings.Contains(said, "exit status 4") {
		t.Errorf("said %s", said)
	}
	if left := names(t, dir); len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

func TestDamagedFilesAreSetAside(t *testing.T) {
	good, err := json.Marshal(entry{Version: version, Process: process{PID: 1 << 30}, Undo: &netcfg.Command{Args: []string{"/bin/sh", "-c", "touch /nowhere/ran"}}})
	must(t, err)
	dir := t.TempDir()
	for name, file := range map[string]struct {
		text []byte
		mode os.FileMode
	}{
		"empty":   {nil, 0o600},
		"half":    {good[:len(good)/2], 0o600},
		"newer":   {[]byte(`{"version":99,"process":{"pid":1}}`), 0o600},
		"nobody":  {[]byte(`{"version":1}`), 0o600},
		"foreign": {good, 0o666},
		"large":   {append(good, make([]byte, maxSize)...), 0o600},
	} {
		path := filepath.Join(dir, name+suffix)
		must(t, os.WriteFile(path, file.text, 0o600))
		must(t, os.Chmod(path, file.mode))
	}
	must(t, os.Symlink("empty.journal", filepath.Join(dir, "link.journal")))
	must(t, os.Mkdir(filepath.Join(dir, "folder.journal"), 0o700))
	said := sweep(t, dir)
	if n := strings.Count(said, "was set aside"); n != 8 {
		t.Errorf("%d set aside: %s", n, said)
	}
	if said := sweep(t, dir); said != "" {
		t.Errorf("again: %s", said)
	}
}

func TestUnsafeFolder(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o777))
	if _, err := Begin(dir, "corp"); err == nil {
		t.Error("a folder that everybody can write was taken")
	}
	if _, err := Sweep(t.Context(), dir); err == nil {
		t.Error("a folder that everybody can write was swept")
	}
	for _, name := range []string{"", "a/b", "..", ".hidden", "."} {
		if _, err := Begin(t.TempDir(), name); err == nil {
			t.Errorf("name %q was taken", name)
		}
	}
}

func TestSweepWaitsForAnother(t *testing.T) {
	dir := t.TempDir()
	unlock, err := lock(t.Context(), dir)
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*retry)
	defer cancel()
	if _, err := Sweep(ctx, dir); err == nil {
		t.Error("two swept at once")
	}
	done := make(chan error)
	go func() { _, err := Sweep(t.Context(), dir); done <- err }()
	unlock()
	must(t, <-done)
}

func TestParseStat(t *testing.T) {
	start, state, err := parseStat([]byte("7 (a) b) (c) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 12345 1000 1 18446744073709551615"))
	if err != nil || start != 12345 || state != 'S' {
		t.Errorf("%d %c %v", start, state, err)
	}
	for _, bad := range []string{"", ")", "7 (x) S 1", "7 (x) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 later"} {
		if _, _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if p := self(); !p.alive() || p.Start == 0 || p.Boot == "" {
		t.Errorf("this process: %+v", p)
	}
}

func FuzzParse(f *testing.F) {
	good, _ := json.Marshal(entry{Version: version, Name: "x", Process: self(), Undo: &netcfg.Command{Args: []string{"true"}}})
	f.Add(good)
	f.Add([]byte(`{"version":1,"process":{"pid":1e400}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := parse(text)
		if err != nil {
			return
		}
		again, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if e2, err := parse(again); err != nil || fmt.Sprint(e2.Process, e2.Name, e2.Interface) != fmt.Sprint(e.Process, e.Name, e.Interface) {
			t.Errorf("%s becomes %s: %v", text, again, err)
		}
	})
}
