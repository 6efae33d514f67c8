package journal

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
)

// Left is what the journal of one connection tells.
type Left struct {
	Name, Path string
	Damaged    string // why it cannot be read; "" when it can
	PID        int
	Alive      bool   // its host runs
	Device     string // that is still there
	Settings   bool   // are to be undone
}

// Look reads the journals in dir and changes nothing. Those of other users are passed over.
func Look(dir string) ([]Left, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix+"*"))
	if err != nil {
		return nil, err
	}
	var all []Left
	for _, file := range files {
		name, damaged, _ := strings.Cut(filepath.Base(file), suffix)
		l := Left{Name: name, Path: file}
		e, err := read(file)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
			continue
		case damaged != "":
			l.Damaged = "an earlier start set it aside"
		case err != nil:
			l.Damaged = err.Error()
		default:
			l.PID, l.Alive, l.Settings = e.Process.PID, e.Process.alive(), e.Undo != nil
			if e.Index != 0 && index(e.Interface) == e.Index {
				l.Device = e.Interface
			}
		}
		all = append(all, l)
	}
	return all, nil
}
