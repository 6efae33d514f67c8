package registry

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("needs root")
	}
}

func TestOwners(t *testing.T) {
	needRoot(t)
	const user = 1234
	root, sudo, plain := owners{root: true}, owners{root: true, sudo: user}, owners{}
	for name, c := range map[string]struct {
		who    owners
		named  bool
		dirUID int
		uid    int
		dir    os.FileMode
		file   os.FileMode
		want   string
	}{
		"root's":                          {root, true, 0, 0, 0o755, 0o644, ""},
		"a user's file":                   {root, true, 0, user, 0o755, 0o644, "alpha.toml belongs to uid 1234"},
		"a user's directory":              {root, true, user, 0, 0o755, 0o644, "belongs to uid 1234"},
		"writable file":                   {root, true, 0, 0, 0o755, 0o664, "`chmod go-w "},
		"writable directory":              {root, true, 0, 0, 0o775, 0o644, "`chmod go-w "},
		"world-writable directory":        {root, true, 0, 0, 0o757, 0o644, "`chmod go-w "},
		"sudo user's, named":              {sudo, true, user, user, 0o755, 0o644, ""},
		"sudo user's, not named":          {sudo, false, user, user, 0o755, 0o644, "belongs to uid 1234"},
		"another user's":                  {sudo, true, 4321, 4321, 0o755, 0o644, "belongs to uid 4321"},
		"sticky directory, root's":        {root, true, 0, 0, 0o777 | os.ModeSticky, 0o644, ""},
		"sticky directory, another's":     {sudo, true, 0, 4321, 0o777 | os.ModeSticky, 0o644, "belongs to uid 4321"},
		"a host that is not root may all": {plain, true, user, user, 0o777, 0o666, ""},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := put(t, dir, "alpha", "1.0.0", "a")
			for p, mode := range map[string]os.FileMode{dir: c.dir, path: c.file} {
				if err := os.Chmod(p, mode); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Chown(path, c.uid, 0); err != nil {
				t.Fatal(err)
			}
			if err := os.Chown(dir, c.dirUID, 0); err != nil {
				t.Fatal(err)
			}
			_, _, err := c.who.read(path, c.named)
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

func TestLinksAreFollowedToWhatIsChecked(t *testing.T) {
	needRoot(t)
	users, roots := t.TempDir(), t.TempDir()
	path := put(t, users, "alpha", "1.0.0", "a")
	if err := os.Chown(path, 1234, 0); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(roots, "alpha.toml")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (owners{root: true}).read(link, true); err == nil || !strings.Contains(err.Error(), path+" belongs to uid 1234") {
		t.Errorf("a link to a user's file: %v", err)
	}
}

func TestOddFilesAreRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "alpha.toml")
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, _, err := newOwners().read(path, true); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("a directory: %v", err)
	}
	if _, _, err := newOwners().read(filepath.Join(dir, "none.toml"), true); err == nil {
		t.Error("no file: no error")
	}
}
