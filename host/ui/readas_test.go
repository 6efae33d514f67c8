package ui

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// nobodysFolder is a folder that the user nobody may look into, and nobody's ids.
func nobodysFolder(t *testing.T) (dir string, uid, gid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "" {
			t.Skip("needs root")
		}
		t.Fatal("needs root")
	}
	who, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, uidErr := strconv.Atoi(who.Uid)
	gid, gidErr := strconv.Atoi(who.Gid)
	dir, dirErr := os.MkdirTemp("", "penstock-ui-")
	if err := errors.Join(uidErr, gidErr, dirErr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir, uid, gid
}

// must fails the test for what the test itself could not do.
func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func TestReadAsTheUser(t *testing.T) {
	dir, uid, gid := nobodysFolder(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t,
		os.WriteFile(at("own"), []byte("mine"), 0o600), os.Chown(at("own"), uid, gid),
		os.WriteFile(at("shared"), []byte("ours"), 0o640), os.Chown(at("shared"), 0, gid),
		os.WriteFile(at("root"), []byte("root's"), 0o600),
		os.Mkdir(at("closed"), 0o700), os.WriteFile(at("closed/open"), []byte("hidden"), 0o644),
		os.Symlink(at("own"), at("link")), os.Symlink(at("root"), at("trap")),
		syscall.Mkfifo(at("pipe"), 0o666), os.Chmod(at("pipe"), 0o666),
	)
	held, err := os.Open(at("closed/open"))
	must(t, err)
	defer held.Close() //nolint:errcheck // nothing was written
	for name, want := range map[string]string{"own": "mine", "shared": "ours", "link": "mine"} {
		if got, err := ReadAs("nobody", at(name), 16); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, name := range []string{"root", "trap", "closed/open"} {
		if got, err := ReadAs("nobody", at(name), 16); !errors.Is(err, fs.ErrPermission) || got != nil || !strings.Contains(err.Error(), "as the user nobody") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	magic := fmt.Sprintf("/proc/self/fd/%d", held.Fd())
	for _, path := range []string{at("pipe"), dir, "/dev/null", magic, at("missing"), "own", ""} {
		if got, err := ReadAs("nobody", path, 16); err == nil || got != nil {
			t.Errorf("%q: %q", path, got)
		}
	}
	if got, err := ReadAs("nobody", at("own"), 3); err == nil || !strings.Contains(err.Error(), "larger than 3 bytes") {
		t.Errorf("a large file: %q, %v", got, err)
	}
	if _, err := ReadAs("no such user", at("own"), 16); err == nil || !strings.Contains(err.Error(), `"no such user" is not known`) {
		t.Errorf("no such user: %v", err)
	}
	if got, err := ReadAs("root", at("own"), 16); err != nil || string(got) != "mine" {
		t.Errorf("root: %q, %v", got, err)
	}
}

// Root stays root: the threads of everything else keep their rights.
func TestReadAsLeavesNoTrace(t *testing.T) {
	dir, uid, gid := nobodysFolder(t)
	path := filepath.Join(dir, "own")
	must(t, os.WriteFile(path, nil, 0o600), os.Chown(path, uid, gid), os.WriteFile(path+"-root", nil, 0o600))
	for range 50 {
		if _, err := ReadAs("nobody", path, 1); err != nil {
			t.Fatal(err)
		}
		read := make(chan error)
		go func() {
			_, err := os.ReadFile(path + "-root")
			read <- err
		}()
		if err := <-read; err != nil {
			t.Fatalf("another goroutine lost its rights: %v", err)
		}
	}
}
