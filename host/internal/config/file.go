package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// maxFile bounds a configuration file, in bytes.
const maxFile = 256 << 10

// file is one configuration file, opened and read.
type file struct {
	path        string // absolute
	info        os.FileInfo
	data        []byte
	connections map[string]Connection
}

func open(path string) (*file, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	data, info, err := read(path, maxFile)
	if err != nil {
		return nil, err
	}
	f := &file{path: path, info: info, data: data, connections: map[string]Connection{}}
	return f, f.checkWriters()
}

// read reads a file of at most most bytes; the FileInfo is of what was read.
func read(path string, most int64) ([]byte, os.FileInfo, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() //nolint:errcheck // only read from
	info, err := f.Stat()
	if err != nil {
		return nil, nil, err
	}
	if kind := info.Mode().Type(); kind != 0 && kind != os.ModeNamedPipe {
		return nil, nil, errors.New("it is not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, nil, err
	}
	if int64(len(data)) > most {
		return nil, nil, fmt.Errorf("it is larger than %d bytes", most)
	}
	return data, info, nil
}

// checkWriters refuses a file that strangers could have written: it names commands
// that are run and gateways that are trusted.
func (f *file) checkWriters() error {
	if !ownedByUs(f.info) {
		return diag.New(diag.Config, f.path+" belongs to somebody else",
			"a configuration must belong to root or to the user who runs penstock: chown it")
	}
	writers := os.FileMode(0o002)
	if os.Geteuid() == 0 {
		writers = 0o022
	}
	if f.info.Mode().Perm()&writers != 0 {
		return diag.New(diag.Config, f.path+" can be written by others", "run: chmod go-w "+f.path)
	}
	return nil
}

// checkReaders refuses a file with a secret in it that others can read.
func checkReaders(path string, info os.FileInfo) error {
	if !ownedByUs(info) {
		return diag.New(diag.Config, path+" holds a secret and belongs to somebody else",
			"it must belong to root or to the user who runs penstock: chown it")
	}
	if info.Mode().Perm()&0o077 != 0 {
		return diag.New(diag.Config, path+" holds a secret and can be read by others", "run: chmod 600 "+path)
	}
	return nil
}

// ownedByUs says whether root, the user, or who called sudo owns the file.
func ownedByUs(info os.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return false
	}
	if owner.Uid == 0 || int(owner.Uid) == os.Geteuid() {
		return true
	}
	caller, err := strconv.ParseUint(os.Getenv("SUDO_UID"), 10, 32)
	return err == nil && os.Geteuid() == 0 && uint64(owner.Uid) == caller
}

// at names a place in the file: "/etc/penstock/penstock.toml:7".
func (f *file) at(line int) string {
	if line <= 0 {
		return f.path
	}
	return fmt.Sprintf("%s:%d", f.path, line)
}
