package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// put writes a manifest of that name and version into dir, with its program.
func put(t *testing.T, dir, name, version string, protocols ...string) string {
	t.Helper()
	program := filepath.Join(dir, name)
	if err := os.WriteFile(program, []byte(version), 0o755); err != nil {
		t.Fatal(err)
	}
	m := Manifest{Name: name, Version: version, Auth: AuthMTLS}
	for _, p := range protocols {
		m.Protocols = append(m.Protocols, Protocol{Name: p})
	}
	var err error
	if m.SHA256, err = Sum(program, nopWriter{}); err != nil {
		t.Fatal(err)
	}
	out, err := m.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+".toml")
	if err := os.WriteFile(path, out, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

type nopWriter struct{}

func (nopWriter) Write(b []byte) (int, error) { return len(b), nil }

func TestStrongerDirectoriesWin(t *testing.T) {
	packages, admin := t.TempDir(), t.TempDir()
	put(t, packages, "alpha", "1.0.0", "a", "shared")
	put(t, packages, "beta", "1.0.0", "b", "shared")
	put(t, admin, "alpha", "2.0.0", "a")
	r, notes := Load([]Dir{{Path: packages}, {Path: admin}, {Path: "/nonexistent"}})
	if len(notes) > 0 {
		t.Fatal(notes)
	}
	if all := r.All(); len(all) != 2 || all[0].Version != "2.0.0" || all[1].Name != "beta" {
		t.Errorf("%+v", all)
	}
	for protocol, want := range map[string]string{"a": "alpha", "b": "beta", "shared": "beta"} {
		if m, err := r.Lookup(protocol); err != nil || m.Name != want || m.Verify() != nil {
			t.Errorf("%s: %s, %v", protocol, m.Name, err)
		}
	}
}

func TestABrokenOverrideHidesWhatItOverrides(t *testing.T) {
	packages, admin := t.TempDir(), t.TempDir()
	put(t, packages, "alpha", "1.0.0", "a")
	if err := os.WriteFile(filepath.Join(admin, "alpha.toml"), []byte("contract = 1"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, notes := Load([]Dir{{Path: packages}, {Path: admin}})
	if len(notes) != 1 || notes[0].Code != diag.Plugin || notes[0].Warning {
		t.Errorf("notes: %v", notes)
	}
	if _, err := r.Lookup("a"); err == nil || !strings.Contains(err.Error(), "Refused was: ") {
		t.Errorf("Lookup: %v", err)
	}
}

func TestLookupSaysWhatThereIs(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "alpha", "1.0.0", "a", "z")
	r, _ := Load([]Dir{{Path: dir}})
	for protocol, want := range map[string]string{
		"q": "installed are a, z; install the plugin's package, or name the directory of its manifest with --plugin-dir",
		"":  "set `protocol`",
	} {
		_, err := r.Lookup(protocol)
		if diag.Of(err).Code != diag.Plugin || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", protocol, err)
		}
	}
	if _, err := (Registry{}).Lookup("q"); !strings.Contains(err.Error(), "no plugin is installed") {
		t.Errorf("an empty registry: %v", err)
	}
}

func TestANamedDirectoryMustExist(t *testing.T) {
	_, notes := Load(Dirs("/nonexistent/a:/nonexistent/b", "/nonexistent/c"))
	var named int
	for _, n := range notes {
		if strings.Contains(n.Detail, "/nonexistent/") && strings.Contains(n.Detail, "PENSTOCK_PLUGIN_PATH") {
			named++
		}
	}
	if named != 3 {
		t.Errorf("notes: %v", notes)
	}
}

func TestAChangedProgramIsRefused(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "alpha", "1.0.0", "a")
	r, _ := Load([]Dir{{Path: dir}})
	m, err := r.Lookup("a")
	if err != nil || m.Verify() != nil {
		t.Fatal(err, m.Verify())
	}
	if err := os.WriteFile(m.Exec, []byte("evil"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(); diag.Of(err).Code != diag.Plugin || !strings.Contains(err.Error(), m.SHA256) {
		t.Errorf("changed: %v", err)
	}
	if err := os.Remove(m.Exec); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(m.Exec, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := m.Verify(); diag.Of(err).Code != diag.Plugin || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a directory: %v", err)
	}
}

func TestSame(t *testing.T) {
	describe := func() *pluginpb.DescribeResponse {
		return &pluginpb.DescribeResponse{
			Name: "alpha", Version: "1.0.0", Needs: []string{"tls"},
			Protocols: []*pluginpb.Protocol{{Name: "a", Label: "A"}},
			Options:   []*pluginpb.Option{{Key: "k", Type: pluginpb.Option_ENUM, Choices: []string{"x", "y"}}},
		}
	}
	m := FromDescribe(describe())
	if err := m.Same(FromDescribe(describe())); err != nil {
		t.Errorf("the same: %v", err)
	}
	for want, change := range map[string]func(*pluginpb.DescribeResponse){
		`the plugin is "alpha" "1.0.1"`: func(d *pluginpb.DescribeResponse) { d.Version = "1.0.1" },
		"different protocols":           func(d *pluginpb.DescribeResponse) { d.Protocols[0].Label = "B" },
		"different needs":               func(d *pluginpb.DescribeResponse) { d.Needs = nil },
		"1 options, the plugin has 0":   func(d *pluginpb.DescribeResponse) { d.Options = nil },
		`the option "k" is not the`:     func(d *pluginpb.DescribeResponse) { d.Options[0].Choices[1] = "z" },
	} {
		d := describe()
		change(d)
		if err := m.Same(FromDescribe(d)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
