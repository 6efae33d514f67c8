package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// undoTimeout is how long an undoing command may take.
const undoTimeout = 60 * time.Second

// goneName stands for a device that has gone while another has its name.
const goneName = "penstock-gone"

// Sweep undoes what connections left in dir whose host was killed: it runs their
// undoing command, deletes their device if it is still there, and removes socket and
// journal. It tells what it did, a line each; what could not be undone is such a line
// too, and is not tried again. A damaged journal is set aside. The error is about the
// folder as a whole. A missing folder is a clean one.
func Sweep(ctx context.Context, dir string) ([]string, error) {
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	unlock, err := lock(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	files, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, err
	}
	s := sweeper{dir: dir}
	for _, file := range files {
		if err := ctx.Err(); err != nil {
			return s.said, context.Cause(ctx)
		}
		s.file(ctx, file)
	}
	return s.said, nil
}

type sweeper struct {
	dir  string
	said []string
}

func (s *sweeper) say(format string, args ...any) {
	s.said = append(s.said, fmt.Sprintf(format, args...))
}

func (s *sweeper) file(ctx context.Context, file string) {
	name := strings.TrimSuffix(filepath.Base(file), suffix)
	e, err := read(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return // its host has just ended
	case err != nil:
		s.setAside(file, err)
		return
	case e.Process.alive():
		return
	}
	s.say("%s: process %d was killed; cleaning up after it", name, e.Process.PID)
	if e.Undo != nil {
		s.undo(ctx, name, e)
	}
	s.device(name, e)
	for _, path := range []string{filepath.Join(s.dir, name+".sock"), file} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			s.say("%s: %v", name, err)
		}
	}
}

func (s *sweeper) setAside(file string, why error) {
	aside := file + ".damaged"
	if err := os.Rename(file, aside); err != nil {
		s.say("%s is unusable (%v) and cannot be set aside: %v", file, why, err)
		return
	}
	s.say("%s is unusable (%v); it was set aside as %s, and what it knew of is not cleaned up", file, why, aside)
}

func (s *sweeper) undo(ctx context.Context, name string, e entry) {
	ctx, cancel := context.WithTimeoutCause(ctx, undoTimeout, fmt.Errorf("it took longer than %v and was killed", undoTimeout))
	defer cancel()
	c := *e.Undo
	if now := index(e.Interface); now != 0 && now != e.Index {
		c = elsewhere(c, e.Interface)
	}
	if err := c.Run(ctx, func(line string) { s.say("%s: %s", name, line) }); err != nil {
		s.say("%s: the network settings could not all be undone: %v", name, err)
		return
	}
	s.say("%s: network settings removed", name)
}

// elsewhere keeps a script from taking another program's device for ours: it sees a
// name that does not exist. The bundled script learns the old name, for its records.
func elsewhere(c netcfg.Command, device string) netcfg.Command {
	c.Env = slices.DeleteFunc(slices.Clone(c.Env), func(v string) bool { return strings.HasPrefix(v, "TUNDEV=") })
	c.Env = append(c.Env, "TUNDEV="+goneName, "PENSTOCK_TUNDEV="+device)
	return c
}

// device deletes the TUN device if it outlived its host: one that the administrator
// made persistent does not count, nor one that only has the name.
func (s *sweeper) device(name string, e entry) {
	if e.Index == 0 || index(e.Interface) != e.Index {
		return
	}
	l, err := netlink.LinkByIndex(e.Index)
	if err != nil {
		return
	}
	if t, ok := l.(*netlink.Tuntap); ok && !t.NonPersist {
		s.say("%s: the device %s is persistent and stays", name, e.Interface)
		return
	}
	if err := netlink.LinkDel(l); err != nil {
		s.say("%s: the device %s cannot be deleted: %v", name, e.Interface, err)
		return
	}
	s.say("%s: device %s deleted", name, e.Interface)
}
