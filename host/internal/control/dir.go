package control

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// SystemDir is where root's connections have their sockets.
const SystemDir = "/run/penstock"

var namePattern = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}$`)

// ValidName says whether a connection may be called so: 1 to 64 letters, digits,
// dots, hyphens and underscores, the first of them no dot.
func ValidName(name string) bool {
	return namePattern.MatchString(name)
}

// Dir is where this user's connections have their sockets.
func Dir() (string, error) {
	if os.Geteuid() == 0 {
		return SystemDir, nil
	}
	if dir := os.Getenv("XDG_RUNTIME_DIR"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "penstock"), nil
	}
	// Whoever has no login session, such as a service: prepareDir sees to whose it is.
	return filepath.Join(os.TempDir(), fmt.Sprintf("penstock-%d", os.Geteuid())), nil
}

// Dirs are where connections may be found: root's and this user's.
func Dirs() []string {
	dirs := []string{SystemDir}
	if own, err := Dir(); err == nil && own != SystemDir {
		dirs = append(dirs, own)
	}
	return dirs
}

// prepareDir makes the folder and refuses one that somebody else could fill.
func prepareDir(dir string) error {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the folder for control sockets: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.IsDir() || int(owner.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return diag.New(diag.Config, dir+" is not a safe place for the connection's control socket",
			"it must be a folder that belongs to the user who runs penstock and that nobody else can write: remove it and try again")
	}
	return nil
}
