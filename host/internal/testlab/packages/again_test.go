//go:build packages

package packages

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// The same source in another place, built with nothing that was built before, gives
// the same bytes.
func TestReproducible(t *testing.T) {
	root, dir := moduleRoot(t), t.TempDir()
	run(t, root, "sh", "-c", `git ls-files -co --exclude-standard -z | xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh | tar --null -T - -cf - | tar -xf - -C "$1"`, "sh", dir)
	// What lies beside the folder does not matter, not even where a link of a package leads to from there.
	beside := filepath.Join(filepath.Dir(dir), "bin", "penstock")
	must(t, os.MkdirAll(filepath.Dir(beside), 0o755))
	must(t, os.WriteFile(beside, []byte("another"), 0o755))
	first := built(t, "deb")
	version := strings.TrimSpace(run(t, "", "dpkg-deb", "-f", first[0], "Version"))
	cmd := exec.Command("make", "deb", "rpm", "PACKAGE_VERSION="+version, "SOURCE_DATE_EPOCH="+epoch(t, first[0]), "VERSION="+os.Getenv("PENSTOCK_VERSION"))
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOCACHE="+filepath.Join(dir, "bin/cache"), "MAKEFLAGS=", "MAKELEVEL=", "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make: %v: %s", err, out)
	}
	for _, format := range []string{"deb", "rpm"} {
		second := packages(t, filepath.Join(dir, "bin/packages"), format)
		for i, name := range built(t, format) {
			same(t, name, second[i])
		}
	}
}

// epoch is the time that a deb's files have.
func epoch(t *testing.T, deb string) string {
	t.Helper()
	header := make([]byte, 40)
	f, err := os.Open(deb)
	must(t, err)
	defer f.Close()
	_, err = f.ReadAt(header, 0)
	must(t, err)
	seconds := strings.TrimSpace(string(header[24:36])) // of the first member, after "!<arch>\n" and its name
	if _, err := strconv.ParseInt(seconds, 10, 64); err != nil {
		t.Fatalf("%s begins with %q", deb, header)
	}
	return seconds
}

func same(t *testing.T, first, second string) {
	t.Helper()
	a, err := os.ReadFile(first)
	must(t, err)
	b, err := os.ReadFile(second)
	must(t, err)
	if !bytes.Equal(a, b) || filepath.Base(first) != filepath.Base(second) {
		t.Errorf("%s and %s differ", first, second)
	}
}
