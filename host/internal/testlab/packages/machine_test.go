//go:build packages

package packages

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// machine is a lab whose client may install packages: above this machine's /usr and
// /var lie layers of its own, as above /etc, so that dpkg works with the packages that
// are installed here and changes nothing of them.
type machine struct {
	*testlab.Lab
	nm     *testlab.NM
	layers string
}

// layered are the folders that packages change, beside /etc.
var layered = []string{"usr", "var"}

func newMachine(t *testing.T) *machine {
	t.Helper()
	l, err := testlab.New()
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(l.Logs())
		}
		must(t, l.Close())
	})
	m := &machine{Lab: l, layers: filepath.Join(l.Client.Dir, "layers")}
	must(t, os.Mkdir(m.layers, 0o755))
	must(t, l.Client.Do(m.mount))
	m.nm, err = l.StartNetworkManager(testlab.NetworkManager{})
	must(t, err)
	return m
}

// mount runs inside the machine.
func (m *machine) mount() error {
	if err := unix.Mount("tmpfs", m.layers, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, name := range layered {
		up, work := filepath.Join(m.layers, name), filepath.Join(m.layers, name+".work")
		for _, dir := range []string{up, work} {
			if err := os.Mkdir(dir, 0o755); err != nil {
				return err
			}
		}
		if err := unix.Mount("overlay", "/"+name, "overlay", 0, "lowerdir=/"+name+",upperdir="+up+",workdir="+work); err != nil {
			return fmt.Errorf("/%s: %w", name, err)
		}
	}
	return nil
}

// books are what dpkg, and programs that it starts, write about what they did; they
// are no part of a package.
var books = regexp.MustCompile(`^/var/(lib/dpkg/(status|available|lock|triggers/|updates|diversions|statoverride|info/format)|log/|cache/(man|debconf|ldconfig)/|lib/(NetworkManager|systemd/deb-systemd))`)

// changed is what differs from this machine's own folders, a line each.
func (m *machine) changed(t *testing.T) (all []string) {
	t.Helper()
	for _, name := range layered {
		up := m.Client.Path(filepath.Join(m.layers, name))
		must(t, filepath.WalkDir(up, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			place := "/" + name + strings.TrimPrefix(path, up)
			above, below := looks(path), looks(place)
			if above != below && !books.MatchString(place) {
				all = append(all, fmt.Sprintf("%s is %s and was %s", place, above, below))
			}
			return nil
		}))
	}
	return all
}

// looks is a file's type and content. A folder of a layer has the folder below within.
func looks(path string) string {
	info, err := os.Lstat(path)
	switch {
	case err != nil:
		return "absent"
	case info.Mode().IsRegular():
		content, err := os.ReadFile(path)
		if err != nil {
			return err.Error()
		}
		return fmt.Sprintf("%s %x", info.Mode(), sha256.Sum256(content))
	case info.Mode()&fs.ModeSymlink != 0:
		to, _ := os.Readlink(path)
		return "link to " + to
	case info.Mode()&fs.ModeCharDevice != 0:
		return "absent" // how a layer hides what is below
	}
	return info.Mode().Type().String()
}

// state is everything that a package, or what it runs, could leave.
func (m *machine) state(t *testing.T) testlab.Snapshot {
	t.Helper()
	s, err := m.Client.Snapshot()
	must(t, err)
	s = append(s, m.changed(t)...)
	return slices.DeleteFunc(s, comings.MatchString)
}

// comings tell nothing: NetworkManager's dispatcher comes and goes, and its notes stay.
var comings = regexp.MustCompile(`nm-dispatcher|nm_dispatcher|^file: /run/NetworkManager/devices/|^ss -Hxl: u_dgr UNCONN|^file: /run/lock|^file: \S*/tmp/`)

// dpkg runs it and wants it to succeed without a question.
func (m *machine) dpkg(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.Client.Run(append([]string{"env", "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C.UTF-8", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "dpkg"}, args...)...)
	must(t, err)
	if strings.Contains(strings.ToLower(out), "warning") {
		t.Errorf("dpkg %s: %s", args[0], out)
	}
	return out
}

func (m *machine) nmcli(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.nm.Nmcli(args...)
	must(t, err)
	return out
}

// run runs a program and wants words in its output.
func (m *machine) run(t *testing.T, want string, args ...string) {
	t.Helper()
	if out, err := m.Client.Run(args...); err != nil || !strings.Contains(out, want) {
		t.Errorf("%s: %v: %s; want %q", strings.Join(args, " "), err, out, want)
	}
}
