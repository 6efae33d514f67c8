package packaging

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func check(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// Whoever reads these files takes them.
func TestFilesAreUnderstood(t *testing.T) {
	check(t, "apparmor_parser", "--skip-kernel-load", "--skip-cache", "--quiet", "apparmor/usr.bin.penstock")
	check(t, "appstreamcli", "validate", "--no-net", "--pedantic", "io.github.penstock_vpn.penstock.metainfo.xml")
	text, err := os.ReadFile("penstock-callback.desktop")
	if err != nil {
		t.Fatal(err)
	}
	desktop := filepath.Join(t.TempDir(), "penstock-callback.desktop")
	if err := os.WriteFile(desktop, []byte(strings.ReplaceAll(string(text), "@PREFIX@", "/usr")), 0o644); err != nil {
		t.Fatal(err)
	}
	check(t, "desktop-file-validate", desktop)
}

// dpkg calls the scripts in ways that must do nothing here, whatever is installed.
func TestMaintainerScripts(t *testing.T) {
	for script, ways := range map[string][]string{
		"scripts/penstock.postinst":              {"abort-upgrade", "abort-remove", "triggered"},
		"scripts/penstock.prerm":                 {"upgrade", "deconfigure", "failed-upgrade"},
		"scripts/network-manager-penstock.prerm": {"upgrade", "deconfigure", "failed-upgrade", "1"},
		"scripts/penstock.postrm":                {"upgrade", "disappear", "failed-upgrade", "abort-install"},
	} {
		for _, way := range ways {
			check(t, script, way, "1.0")
		}
	}
}

// All packages are of one version, and need each other in just that.
func TestPackagesAreOfOneVersion(t *testing.T) {
	configs, err := filepath.Glob("nfpm/*.yaml")
	if err != nil || len(configs) != 4 {
		t.Fatalf("%q, %v", configs, err)
	}
	var names []string
	for _, config := range configs {
		names = append(names, strings.TrimSuffix(filepath.Base(config), ".yaml"))
	}
	ours := regexp.MustCompile(`^\s+- ((?:network-manager-)?penstock[a-z-]*)( .*)?$`)
	for _, config := range configs {
		text, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(text)) {
			m := ours.FindStringSubmatch(strings.TrimRight(line, "\n"))
			if m != nil && (!slices.Contains(names, m[1]) || m[2] != " (= ${PACKAGE_VERSION})" && m[2] != " = ${PACKAGE_VERSION}") {
				t.Errorf("%s: %s", config, strings.TrimSpace(line))
			}
		}
		if !strings.Contains(string(text), "\nversion: ${PACKAGE_VERSION}\n") || !strings.Contains(string(text), "name: "+strings.TrimSuffix(filepath.Base(config), ".yaml")+"\n") {
			t.Errorf("%s has another name or version", config)
		}
	}
}
