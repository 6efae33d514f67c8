package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/registry"
)

// program is a plugin as far as --manifest goes: a script that prints out.
func program(t *testing.T, out string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "demo")
	script := fmt.Sprintf("#!/bin/sh\nfor last; do :; done\ntest \"$last\" = --manifest || exit 1\ncat <<'END'\n%s\nEND\n", out)
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

const description = `{"name": "demo", "version": "1.0.0", "protocols": [{"name": "demo", "label": "Demo"}],
  "options": [{"key": "colour", "type": "ENUM", "choices": ["red", "blue"]}], "needs": ["tls"], "capabilities": ["resume"]}`

func TestWhatIsWrittenIsRead(t *testing.T) {
	for installed, want := range map[string]string{"": "", "/opt/demo": "/opt/demo"} {
		path := program(t, description)
		if want == "" {
			want = path
		}
		out := filepath.Join(filepath.Dir(path), "demo.toml")
		if err := write(out, installed, registry.AuthPeerCred, []string{path, "--fast"}); err != nil {
			t.Fatal(err)
		}
		r, notes := registry.Load([]registry.Dir{{Path: filepath.Dir(out), Named: true}})
		m, err := r.Lookup("demo")
		if err != nil || len(notes) > 0 {
			t.Fatal(err, notes)
		}
		if m.Exec != want || m.Auth != registry.AuthPeerCred || len(m.Args) != 1 || len(m.Options) != 1 || m.Options[0].Key != "colour" {
			t.Errorf("%+v", m)
		}
		if installed == "" && m.Verify() != nil {
			t.Error(m.Verify())
		}
	}
}

func TestABadProgramWritesNothing(t *testing.T) {
	for name, c := range map[string]struct{ file, out, want string }{
		"no JSON":        {"demo.toml", "hello", "printed no DescribeResponse"},
		"bad schema":     {"demo.toml", strings.Replace(description, `"ENUM"`, `"INT"`, 1), "only an enum has choices"},
		"another's name": {"other.toml", description, "its file must be named so"},
	} {
		path := program(t, c.out)
		out := filepath.Join(filepath.Dir(path), c.file)
		if err := write(out, "", registry.AuthMTLS, []string{path}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%s: a manifest was written", name)
		}
	}
	if err := write("x.toml", "", registry.AuthMTLS, []string{"/nonexistent"}); err == nil {
		t.Error("no program: no error")
	}
}
