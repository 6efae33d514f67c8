//go:build packages

package packages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// names are the packages, each after those that it needs.
var names = []string{"penstock", "penstock-plugins", "network-manager-penstock", "network-manager-penstock-gnome"}

func TestMain(m *testing.M) {
	testlab.Init()
	if !testlab.IsRoot() {
		fmt.Fprintln(os.Stderr, "the tests of packages need root")
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func moduleRoot(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(run(t, "", "go", "list", "-m", "-f", "{{.Dir}}"))
}

// run runs a command in a folder and returns what it printed.
func run(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v: %s%s", strings.Join(args, " "), err, out, complaints.String())
	}
	return string(out)
}

// packages are the files of a folder by package, in the order of names.
func packages(t *testing.T, dir, format string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "*."+format))
	must(t, err)
	var found []string
	for _, name := range names {
		i := slices.IndexFunc(all, func(path string) bool {
			rest, ours := strings.CutPrefix(filepath.Base(path), name)
			return ours && strings.ContainsAny(rest[:1], "_-") && rest[1:2] == strings.TrimLeft(rest[1:2], "abcdefghijklmnopqrstuvwxyz")
		})
		if i < 0 {
			t.Fatalf("%s is not among %q", name, all)
		}
		found = append(found, all[i])
	}
	if len(all) != len(names) {
		t.Errorf("there are other packages among %q", all)
	}
	return found
}

// built are the packages that `make deb` or `make rpm` made.
func built(t *testing.T, format string) []string {
	t.Helper()
	return packages(t, filepath.Join(moduleRoot(t), "bin/packages"), format)
}
