package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host"
)

// manPages writes all pages, with the plugin of pluginFolder.
func manPages(t *testing.T) (folder string, names []string) {
	t.Helper()
	folder = t.TempDir()
	got := penstock(t, "man", folder, "--date", "2026-01-02", "--plugin-dir", pluginFolder(t))
	if got.status != 0 {
		t.Fatalf("%+v", got)
	}
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return folder, names
}

func TestManualPages(t *testing.T) {
	folder, names := manPages(t)
	for _, want := range []string{"penstock.1", "penstock-connect.1", "penstock-status.1", "penstock-plugin.1", "penstock.toml.5", "penstock-testproto.7"} {
		if !slices.Contains(names, want) {
			t.Errorf("there is no %s among %q", want, names)
		}
	}
	if slices.Contains(names, "penstock-man.1") || slices.Contains(names, "penstock-completion.1") {
		t.Errorf("what is hidden has a page: %q", names)
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for _, name := range []string{"penstock-testproto.7", "penstock-plugin.1"} {
		golden(t, name, read(name))
	}
	connect, file := strings.ReplaceAll(read("penstock-connect.1"), `\-`, "-"), strings.ReplaceAll(read("penstock.toml.5"), `\-`, "-")
	for _, o := range host.CommonOptions() {
		if !strings.Contains(connect, "--"+o.Key) && !strings.Contains(connect, "--no-"+o.Key) || !strings.Contains(file, `.B "`+o.Key+`"`) {
			t.Errorf("no page has %s", o.Key)
		}
	}
}

// The formatters that readers have, mandoc and groff, have nothing to say about them.
func TestManualPagesAreWellFormed(t *testing.T) {
	folder, names := manPages(t)
	for _, name := range names {
		path := filepath.Join(folder, name)
		if out, err := exec.Command("mandoc", "-Tlint", "-Wwarning", path).CombinedOutput(); err != nil {
			t.Errorf("mandoc: %v: %s", err, out)
		}
		cmd := exec.Command("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", path)
		cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "MANROFFSEQ=", "MANWIDTH=80")
		var complaints strings.Builder
		cmd.Stderr = &complaints
		if err := cmd.Run(); err != nil || complaints.Len() > 0 {
			t.Errorf("man %s: %v: %s", name, err, complaints.String())
		}
	}
}

func TestManualNeedsADay(t *testing.T) {
	if got := penstock(t, "man", t.TempDir(), "--date", "today"); got.status != 2 || !strings.Contains(got.err, "2026-01-31") {
		t.Errorf("%+v", got)
	}
}

// Each shell's completion is a script of that shell, and asks the program.
func TestCompletions(t *testing.T) {
	for shell, check := range map[string][]string{"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"}} {
		got := penstock(t, "completion", shell)
		if got.status != 0 || !strings.Contains(got.out, "__complete") {
			t.Fatalf("%s: %+v", shell, got)
		}
		script := file(t, "penstock."+shell, got.out)
		if out, err := exec.Command(check[0], append(check[1:], script)...).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
	pluginFolder(t)
	for _, c := range [][]string{{"--compress", "connect", "--comp"}, {"info", "plugin", "i"}, {"status", "sta"}} {
		if got := penstock(t, append([]string{"__complete"}, c[1:]...)...); !strings.Contains(got.out, c[0]) {
			t.Errorf("%q: %+v", c, got)
		}
	}
}
