package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

func TestFilesWithSecretsMustBePrivate(t *testing.T) {
	const text = "[connection.a]\ngateway='x'\n[connection.b]\npassword='hush'\n"
	for mode, refused := range map[os.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o644: true} {
		path := write(t, mode, text)
		_, found := find(t, path, "a").Resolve(schema) // b's secret is in the same file
		if (len(found) == 1) != refused {
			t.Errorf("mode %o: %+v", mode, found)
		}
		if refused && found[0].Detail != "run: chmod 600 "+path {
			t.Errorf("advice: %q", found[0].Detail)
		}
	}
}

func TestFilesThatOthersCanWriteAreRefused(t *testing.T) {
	path := write(t, 0o646, "")
	_, err := LoadFile(path)
	if err == nil || diag.Of(err).Detail != "run: chmod go-w "+path {
		t.Errorf("got %v", err)
	}
}

func TestFilesOfStrangersAreRefused(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Setenv("SUDO_UID", "")
	}
	path := write(t, 0o600, "")
	chown(t, path, 4242)
	if _, err := LoadFile(path); os.Geteuid() == 0 && (err == nil || !strings.Contains(err.Error(), "belongs to somebody else")) {
		t.Errorf("a stranger's file: %v", err)
	}
	t.Setenv("SUDO_UID", "4242")
	if _, err := LoadFile(path); err != nil {
		t.Errorf("the file of who called sudo: %v", err)
	}
}

// chown gives the file away where the test may.
func chown(t *testing.T, path string, uid int) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	if err := os.Chown(path, uid, uid); err != nil {
		t.Fatal(err)
	}
}

func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := put("penstock.toml", "[connection.x]\npassword-file = 'pw'\n", 0o644)
	put("pw", "first\r\nsecond\n", 0o600)
	r, found := find(t, config, "x").Resolve(schema)
	if found != nil || r.Secrets["password"].Reveal() != "first" {
		t.Errorf("secret %q, diagnostics %+v", r.Secrets["password"].Reveal(), found)
	}
	for _, c := range []struct{ path, want string }{
		{put("open", "x", 0o644), "can be read by others"},
		{put("empty", "\nx", 0o600), "its first line is empty"},
		{put("large", strings.Repeat("x", maxSecret+1), 0o600), "larger than"},
		{dir, "not a regular file"},
		{filepath.Join(dir, "none"), "no such file"},
	} {
		if _, err := ReadSecret(c.path); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.path, err, c.want)
		}
	}
}

func TestSystemdCredentials(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "penstock.corp.password"), []byte("from systemd\n"), 0o440); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	got, err := Credentials("corp", schema)
	if err != nil || len(got) != 1 || got["password"].Reveal() != "from systemd" {
		t.Errorf("credentials %d, %v", len(got), err)
	}
	if got, err := Credentials("other", schema); err != nil || len(got) != 0 {
		t.Errorf("another connection's credentials: %v %v", got, err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", "relative")
	if got, err := Credentials("corp", schema); err != nil || got != nil {
		t.Errorf("a relative folder: %v %v", got, err)
	}
}
