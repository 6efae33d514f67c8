package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// PIDFile is a file with this process's id; one with an empty Path does nothing.
type PIDFile struct {
	Path    string // absolute
	written bool
}

// Check says whether the file's folder is there.
func (p *PIDFile) Check() error {
	if p.Path == "" {
		return nil
	}
	if info, err := os.Stat(filepath.Dir(p.Path)); err != nil || !info.IsDir() {
		return fmt.Errorf("%s is not a folder", filepath.Dir(p.Path))
	}
	return nil
}

// Write puts the id there, whole or not at all.
func (p *PIDFile) Write() error {
	if p.Path == "" || p.written {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(p.Path), ".penstock-pid-")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), p.Path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	p.written = true
	return nil
}

// Remove takes the file away if it is still ours.
func (p *PIDFile) Remove() {
	if !p.written {
		return
	}
	text, err := os.ReadFile(p.Path)
	if err == nil && string(text) == fmt.Sprintf("%d\n", os.Getpid()) {
		_ = os.Remove(p.Path)
	}
}
