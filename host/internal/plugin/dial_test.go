package plugin

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDialStaysInTheDirectory(t *testing.T) {
	outside, inside := t.TempDir(), t.TempDir()
	for _, dir := range []string{outside, inside} {
		l, err := net.Listen("unix", filepath.Join(dir, "socket"))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
	}
	if err := os.Symlink(filepath.Join(outside, "socket"), filepath.Join(inside, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inside, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := os.Open(inside)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	pid, uid := os.Getpid(), os.Getuid()
	for name, want := range map[string]string{
		"socket": "", "link": "too many levels of symbolic links", "file": "connection refused",
		"..": "cross-device", "../" + filepath.Base(outside) + "/socket": "cross-device", "none": "no such file",
	} {
		c, err := dialBeneath(t.Context(), dir, name, pid, uid)
		if err == nil {
			c.Close()
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", name, err, want)
		}
	}
	for _, who := range [][2]int{{pid + 1, uid}, {pid, uid + 1}} {
		if c, err := dialBeneath(t.Context(), dir, "socket", who[0], who[1]); err == nil {
			c.Close()
			t.Errorf("process %d of uid %d was taken for %v", pid, uid, who)
		}
	}
}
