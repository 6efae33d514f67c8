//go:build packages

package packages

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestLintian(t *testing.T) {
	out, err := exec.Command("lintian", append([]string{"--allow-root", "--fail-on", "error,warning", "--tag-display-limit", "0"}, built(t, "deb")...)...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("lintian: %v:\n%s", err, out)
	}
}

// entry is a line of `dpkg-deb -c`.
var entry = regexp.MustCompile(`^(\S{10}) (\S+) +\d+ (\S+ \S+) \.(/\S*)(?: -> (\S+))?$`)

// files are those of a deb, modes first, folders left out.
func files(t *testing.T, deb string) (all []string) {
	t.Helper()
	var times []string
	for line := range strings.Lines(run(t, "", "dpkg-deb", "-c", deb)) {
		m := entry.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			t.Fatalf("%s: %q", deb, line)
		}
		times = append(times, m[3])
		if m[2] != "root/root" && m[2] != "0/0" {
			t.Errorf("%s is of %s: %s", m[4], m[2], line)
		}
		switch m[1] {
		case "drwxr-xr-x":
		case "-rw-r--r--", "-rwxr-xr-x", "l---------": // a link has no mode of its own
			all = append(all, m[4])
		default:
			t.Errorf("%s has the mode %s", m[4], m[1])
		}
	}
	if slices.Sort(times); len(slices.Compact(times)) != 1 {
		t.Errorf("%s: files are of %q", deb, slices.Compact(times))
	}
	return all
}

// belongs is where each kind of file belongs.
var belongs = map[string][]string{
	"penstock": {"/usr/bin/penstock", "/etc/apparmor.d/usr.bin.penstock", "/usr/share/applications/penstock-callback.desktop",
		"/usr/share/penstock/penstock-vpnc-script", "/usr/share/man/man1/penstock.1.gz", "/usr/share/man/man1/penstock-connect.1.gz",
		"/usr/share/man/man5/penstock.toml.5.gz", "/usr/share/bash-completion/completions/penstock", "/usr/share/zsh/vendor-completions/_penstock",
		"/usr/share/fish/vendor_completions.d/penstock.fish", "/usr/share/doc/penstock/sbom/penstock.cdx.json"},
	"penstock-plugins": {"/usr/lib/penstock/plugins.d/anyconnect", "/usr/lib/penstock/plugins.d/anyconnect.toml", "/usr/share/man/man7/penstock-anyconnect.7.gz",
		"/usr/share/doc/penstock-plugins/sbom/anyconnect.cdx.json"},
	"network-manager-penstock": {"/usr/libexec/nm-penstock-service", "/usr/libexec/penstock-auth-dialog", "/usr/lib/NetworkManager/VPN/nm-penstock-service.name",
		"/usr/share/dbus-1/system.d/nm-penstock-service.conf", "/usr/lib/TRIPLET/NetworkManager/libnm-vpn-plugin-penstock.so"},
	"network-manager-penstock-gnome": {"/usr/lib/TRIPLET/NetworkManager/libnm-gtk3-vpn-plugin-penstock-editor.so",
		"/usr/lib/TRIPLET/NetworkManager/libnm-gtk4-vpn-plugin-penstock-editor.so", "/usr/share/metainfo/io.github.penstock_vpn.penstock.metainfo.xml"},
}

func triplet(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(run(t, "", "dpkg-architecture", "-qDEB_HOST_MULTIARCH"))
}

func TestContents(t *testing.T) {
	seen := map[string]string{}
	for i, deb := range built(t, "deb") {
		all := files(t, deb)
		for _, name := range all {
			if other, twice := seen[name]; twice {
				t.Errorf("%s is in %s and in %s", name, other, names[i])
			}
			seen[name] = names[i]
		}
		want := append([]string{"/usr/share/doc/NAME/copyright", "/usr/share/doc/NAME/changelog.gz"}, belongs[names[i]]...)
		if names[i] != "network-manager-penstock-gnome" { // it has no program
			want = append(want, "/usr/share/doc/NAME/third-party-licences.gz")
		}
		for _, name := range want {
			if name = strings.NewReplacer("TRIPLET", triplet(t), "NAME", names[i]).Replace(name); !slices.Contains(all, name) {
				t.Errorf("%s is not in %s:\n%s", name, names[i], strings.Join(all, "\n"))
			}
		}
	}
	for _, name := range strings.Fields(os.Getenv("PENSTOCK_PLUGINS")) {
		if seen["/usr/lib/penstock/plugins.d/"+name] != "penstock-plugins" {
			t.Errorf("the plugin %s is missing", name)
		}
	}
}

// Each library that a program needs comes with a package that its package names.
func TestDependencies(t *testing.T) {
	for i, deb := range built(t, "deb") {
		dir := t.TempDir()
		run(t, "", "dpkg-deb", "-R", deb, filepath.Join(dir, "tree"))
		must(t, os.Mkdir(filepath.Join(dir, "debian"), 0o755))
		must(t, os.WriteFile(filepath.Join(dir, "debian/control"), []byte("Source: penstock\n\nPackage: penstock\nArchitecture: any\n"), 0o644))
		dynamic := strings.Fields(run(t, dir, "sh", "-c", `find tree -type f -exec sh -c 'readelf -d "$1" 2>/dev/null | grep -q NEEDED' sh {} \; -print`))
		if len(dynamic) == 0 {
			continue
		}
		out := run(t, dir, append([]string{"dpkg-shlibdeps", "-O", "--warnings=0"}, dynamic...)...)
		depends := run(t, "", "dpkg-deb", "-f", deb, "Depends")
		for _, needed := range strings.Split(strings.TrimSpace(strings.TrimPrefix(out, "shlibs:Depends=")), ", ") {
			library, _, _ := strings.Cut(needed, " ")
			if !regexp.MustCompile(`(^|[, ])` + regexp.QuoteMeta(library) + `($|[, ])`).MatchString(depends) {
				t.Errorf("%s needs %s and depends on %s", names[i], needed, depends)
			}
		}
	}
}

// A system without any package installs them with what its archive has.
func TestArchiveHasWhatIsNeeded(t *testing.T) {
	status := filepath.Join(t.TempDir(), "status")
	must(t, os.WriteFile(status, nil, 0o644))
	out := run(t, "", append([]string{"apt-get", "-s", "-q", "--no-install-recommends", "-o", "Dir::State::status=" + status, "install"}, built(t, "deb")...)...)
	for _, name := range append([]string{"network-manager", "libgtk-4-1"}, names...) {
		if !strings.Contains(out, "Inst "+name+" ") {
			t.Errorf("%s would not be installed:\n%s", name, out)
		}
	}
}

// needs is of which other package each is a part.
var needs = map[string]string{"penstock-plugins": "penstock", "network-manager-penstock": "penstock-plugins", "network-manager-penstock-gnome": "network-manager-penstock"}

// The rpm packages hold what the others do, where their distributions have it.
func TestRPM(t *testing.T) {
	debs, rpms := built(t, "deb"), built(t, "rpm")
	place := strings.NewReplacer("lib/"+triplet(t), "lib64", "zsh/vendor-completions", "zsh/site-functions")
	for i, rpm := range rpms {
		want := []string{"/usr/share/licenses/" + names[i] + "/LICENSE"}
		for _, name := range files(t, debs[i]) {
			if !strings.HasPrefix(name, "/etc/apparmor.d/") && !strings.HasPrefix(name, "/usr/share/lintian/") {
				want = append(want, place.Replace(name))
			}
		}
		var got []string
		for line := range strings.Lines(run(t, "", "rpm", "-qp", "--qf", `[%{FILEMODES:perms} %{FILEUSERNAME} %{FILENAMES}\n]`, rpm)) {
			f := strings.Fields(line)
			if f[1] != "root" {
				t.Errorf("%s: %s", rpm, line)
			}
			if !strings.HasPrefix(f[0], "d") {
				got = append(got, f[2])
			}
		}
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s holds\n%s\nwant\n%s", rpm, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		if listed := run(t, "", "sh", "-c", `rpm2cpio "$1" | cpio -it --quiet`, "sh", rpm); strings.Count(listed, "\n") < len(want) {
			t.Errorf("%s: its archive holds %s", rpm, listed)
		}
		requires := run(t, "", "rpm", "-qpR", rpm)
		if i > 0 && !strings.Contains(requires, needs[names[i]]+" = ") {
			t.Errorf("%s requires\n%s", rpm, requires)
		}
		run(t, "", "rpm", "-K", "--nosignature", rpm)
	}
}
