//go:build packages

package packages

import (
	"io/fs"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// rpmRoot is a system of its own, in a folder, that knows no package yet: a shell for their
// scripts, and nothing else of what they need.
type rpmRoot string

func newRPMRoot(t *testing.T) rpmRoot {
	t.Helper()
	r := rpmRoot(t.TempDir())
	run(t, "", "rpm", "--root", string(r), "--initdb")
	run(t, "", "sh", "-ec", `for f in /bin/sh $(ldd /bin/sh | grep -o '/[^ ]*'); do install -D "$f" "$1$f"; done`, "sh", string(r))
	return r
}

func (r rpmRoot) rpm(t *testing.T, args ...string) string {
	t.Helper()
	return run(t, "", append([]string{"rpm", "--root", string(r)}, args...)...)
}

// files are all but rpm's own books, and folders that others have too.
func (r rpmRoot) files(t *testing.T) (all []string) {
	t.Helper()
	must(t, filepath.WalkDir(string(r), func(path string, d fs.DirEntry, err error) error {
		if place := strings.TrimPrefix(path, string(r)); !strings.Contains(place, "/.rpmdb") && !strings.HasPrefix(place, "/var/lib/rpm") {
			if strings.Contains(place, "penstock") || err == nil && !d.IsDir() {
				all = append(all, place)
			}
		}
		return err
	}))
	return all
}

// Without what other packages have they are refused; each other's needs they meet.
func TestRPMDependencies(t *testing.T) {
	out, err := exec.Command("rpm", append([]string{"--root", string(newRPMRoot(t)), "-i", "--test"}, built(t, "rpm")...)...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "iproute is needed by penstock-") {
		t.Errorf("%v: %s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if needed, by, ok := strings.Cut(strings.TrimSpace(line), " is needed by "); ok && strings.Contains(needed, "penstock") {
			t.Errorf("%s needs %s, which is there", by, needed)
		}
	}
}

// Installed, upgraded, and erased; in between everything is as it was packed, and plugins
// are what their manifests say.
func TestRPMInstallUpgradeErase(t *testing.T) {
	r := newRPMRoot(t)
	before := r.files(t)
	r.rpm(t, append([]string{"-i", "--nodeps"}, former(t, "rpm")...)...)
	for _, step := range []string{"installed", "upgraded"} {
		if step == "upgraded" {
			r.rpm(t, append([]string{"-U", "--nodeps"}, built(t, "rpm")...)...)
		}
		if out := r.rpm(t, append([]string{"-V", "--nodeps"}, names...)...); out != "" {
			t.Errorf("%s: rpm -V: %s", step, out)
		}
		for _, name := range names {
			if version := r.rpm(t, "-q", "--qf", "%{VERSION}", name); (version == "0~a") != (step == "installed") {
				t.Errorf("%s: %s is of version %s", step, name, version)
			}
		}
		program := filepath.Join(string(r), "usr/bin/penstock")
		if out := run(t, "", program, "plugin", "verify", "--plugin-dir", filepath.Join(string(r), "usr/lib/penstock/plugins.d")); !strings.Contains(out, "is what was installed") {
			t.Errorf("%s: %s", step, out)
		}
	}
	r.rpm(t, append([]string{"-e", "--nodeps"}, names...)...)
	if after := r.files(t); !slices.Equal(after, before) {
		t.Errorf("there is\n%s\nand was\n%s", strings.Join(after, "\n"), strings.Join(before, "\n"))
	}
}
