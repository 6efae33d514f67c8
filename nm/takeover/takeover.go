// Package takeover has NetworkManager start penstock for the connections of its other
// VPN plugins, and gives them back.
//
// What NetworkManager starts for a connection's service type stands in .name files. Of
// two with the same name or service it takes the first that it finds, and it finds what
// was changed last first. So a file of ours with the other plugin's name and service, and
// with a time that nothing is later than, takes the place of the plugin's own file, which
// stays where it is. The file names that plugin's editor, so that its connections are
// edited as before.
//
// A NetworkManager that runs keeps what it has read until the file goes: files of other
// plugins are renamed for a moment and back, so that it reads them after ours.
package takeover

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/penstock-vpn/penstock/host/foreign"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Folders are where NetworkManager looks for .name files.
type Folders struct{ Lib, Etc string }

// System are NetworkManager's folders.
var System = Folders{"/usr/lib/NetworkManager/VPN", "/etc/NetworkManager/VPN"}

const (
	suffix  = ".name"
	ownFile = "nm-penstock-service.name" // says where our programs are
	prefix  = "nm-penstock-takeover-"
	aside   = ".penstock-aside" // after the name of a file that is away for a moment
)

// latest is a time that nothing is later than, and that every file system can keep.
var latest = time.Date(2037, time.January, 1, 0, 0, 0, 0, time.UTC)

// Service is one that can be taken over.
type Service struct {
	Name   string
	By     string   // the file that NetworkManager goes by; "" when there is none
	Others []string // files of other plugins for it
}

// Ours says whether penstock serves it.
func (s Service) Ours() bool { return strings.HasPrefix(filepath.Base(s.By), prefix) }

// List tells how things are.
func (f Folders) List() ([]Service, error) {
	all, free, err := f.load()
	if err != nil {
		return nil, err
	}
	var list []Service
	for _, name := range foreign.Services() {
		s := Service{Name: name}
		for _, one := range all {
			if one.path != f.path(name) && one.serves(foreign.ServicePrefix+name) {
				s.Others = append(s.Others, one.path)
			}
		}
		if i := slices.IndexFunc(free, func(one file) bool { return one.serves(foreign.ServicePrefix + name) }); i >= 0 {
			s.By = free[i].path
		}
		list = append(list, s)
	}
	return list, nil
}

func (f Folders) path(name string) string { return filepath.Join(f.Lib, prefix+name+suffix) }

// Enable has penstock serve a service from now on.
func (f Folders) Enable(name string) error {
	others, err := f.others(name)
	if err != nil {
		return err
	}
	own, err := read(filepath.Join(f.Lib, ownFile))
	if err != nil {
		return diag.New(diag.Config, "penstock is not installed for NetworkManager", "There is no "+filepath.Join(f.Lib, ownFile)+": install network-manager-penstock.")
	}
	text := "[VPN Connection]\nname=" + name + "\nservice=" + foreign.ServicePrefix + name + "\nprogram=" + own.words["VPN Connection program"] +
		"\nsupports-multiple-connections=true\nsupports-safe-private-file-access=true\n"
	if i := slices.IndexFunc(others, func(o file) bool { return o.words["libnm plugin"] != "" }); i >= 0 {
		text += "\n[libnm]\nplugin=" + others[i].words["libnm plugin"] + "\n"
	}
	text += "\n[GNOME]\nauth-dialog=" + own.words["GNOME auth-dialog"] + "\nsupports-external-ui-mode=true\nsupports-hints=true\n"
	if _, err := f.remove(name); err != nil {
		return err
	}
	return bounce(others, func() error { return place(f.path(name), text) })
}

// Disable gives a service back.
func (f Folders) Disable(name string) error {
	others, err := f.others(name)
	if err != nil {
		return err
	}
	if was, err := f.remove(name); err != nil || !was {
		return err
	}
	return bounce(others, func() error { return nil })
}

// remove takes our file away, if it was there.
func (f Folders) remove(name string) (was bool, err error) {
	err = os.Remove(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, explained(err)
}

// others are the files of other plugins for a service.
func (f Folders) others(name string) ([]file, error) {
	if !slices.Contains(foreign.Services(), name) {
		return nil, diag.New(diag.Config, fmt.Sprintf("there is no service %.40q to take over", name), "It is one of "+strings.Join(foreign.Services(), ", ")+".")
	}
	if err := f.putBack(); err != nil {
		return nil, err
	}
	all, _, err := f.load()
	return slices.DeleteFunc(all, func(one file) bool {
		return one.path == f.path(name) || one.name() != name && !one.serves(foreign.ServicePrefix+name)
	}), err
}

// putBack ends what was cut short.
func (f Folders) putBack() error {
	for _, folder := range []string{f.Lib, f.Etc} {
		away, err := filepath.Glob(filepath.Join(folder, ".*"+suffix+aside))
		if err != nil {
			return err
		}
		for _, path := range away {
			if err := restore(filepath.Join(folder, strings.TrimPrefix(strings.TrimSuffix(filepath.Base(path), aside), "."))); err != nil {
				return err
			}
		}
	}
	return nil
}

func awayPath(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+aside)
}

// restore puts a file back, unless there is a new one.
func restore(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return os.Remove(awayPath(path))
	}
	return os.Rename(awayPath(path), path)
}

// bounce does something while files are away.
func bounce(files []file, do func() error) (err error) {
	for _, f := range files {
		if err := os.Rename(f.path, awayPath(f.path)); err != nil {
			return explained(err)
		}
		defer func() { err = errors.Join(err, restore(f.path)) }()
	}
	return do()
}

// place writes a file that is whole when it appears.
func place(path, text string) error {
	part, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return explained(err)
	}
	defer os.Remove(part.Name()) //nolint:errcheck // gone when all went well
	_, err = part.WriteString(text)
	err = errors.Join(err, part.Chmod(0o644), part.Close(), os.Chtimes(part.Name(), latest, latest))
	if err == nil {
		err = os.Rename(part.Name(), path)
	}
	return explained(err)
}

func explained(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return diag.New(diag.Config, err.Error(), "Only root can change what NetworkManager starts.")
	}
	return err
}
