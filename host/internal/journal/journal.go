// Package journal writes down what a running host has set up on the machine, so that
// the next start can undo it when the host was killed.
//
// Each connection has one file, DIR/NAME.journal, replaced in one step at each
// change. It holds a command that runs as the user who sweeps, so files and folder
// must belong to that user and be closed to others. A lock on the folder keeps two
// starts from sweeping at once.
package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

const (
	version = 1
	suffix  = ".journal"
	maxSize = 4 << 20 // an environment with thousands of routes is below 1 MiB
)

// entry is a file's content. What an unknown later version means nobody knows, so
// such a file is set aside like a damaged one.
type entry struct {
	Version   int             `json:"version"`
	Name      string          `json:"name"`
	Process   process         `json:"process"`
	Interface string          `json:"interface,omitempty"`
	Index     int             `json:"index,omitempty"` // of the interface: names are used again
	Undo      *netcfg.Command `json:"undo,omitempty"`
}

// Record is one connection's file. Its methods may be called from any goroutine.
type Record struct {
	path string
	mu   sync.Mutex
	e    entry
}

// Begin makes the file of connection name in dir, which it makes when it is missing.
// A connection of that name that is up, or that was killed and not swept, is an error.
func Begin(dir, name string) (*Record, error) {
	if name == "" || name != filepath.Base(name) || name[0] == '.' {
		return nil, diag.Newf(diag.Config, "%q cannot be the name of a connection", name)
	}
	unlock, err := lock(context.Background(), dir)
	if err != nil {
		return nil, err
	}
	defer unlock()
	r := &Record{path: filepath.Join(dir, name+suffix)}
	switch old, err := read(r.path); {
	case errors.Is(err, fs.ErrNotExist):
	case err == nil && old.Process.alive():
		return nil, diag.Newf(diag.Config, "the connection %s is up already, in process %d", name, old.Process.PID)
	default:
		return nil, diag.New(diag.Unspecified, "what an earlier process of the connection "+name+" left was not cleaned up",
			"See the earlier messages, then remove "+r.path+".")
	}
	r.e = entry{Version: version, Name: name, Process: self()}
	return r, r.write()
}

// Undo writes down the command that removes what is about to be set up, and the
// device that it is about. It replaces an earlier one.
func (r *Record) Undo(c netcfg.Command, device string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.e.Undo, r.e.Interface, r.e.Index = &c, device, index(device)
	return r.write()
}

// End removes the file: everything has been undone.
func (r *Record) End() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove journal: %w", err)
	}
	return nil
}

// write replaces the file in one step.
func (r *Record) write() error {
	text, err := json.Marshal(r.e)
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	if len(text) > maxSize {
		return fmt.Errorf("write journal: %d bytes, at most %d are allowed", len(text), maxSize)
	}
	temporary, err := os.CreateTemp(filepath.Dir(r.path), ".journal-") // 0600
	if err != nil {
		return fmt.Errorf("write journal: %w", err)
	}
	_, err = temporary.Write(text)
	err = errors.Join(err, temporary.Close())
	if err == nil {
		err = os.Rename(temporary.Name(), r.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write journal: %w", err), os.Remove(temporary.Name()))
	}
	return nil
}

// read takes a file that nobody else could have written.
func read(path string) (entry, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return entry{}, err
	}
	defer f.Close() //nolint:errcheck // only read
	info, err := f.Stat()
	if err != nil {
		return entry{}, err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || !info.Mode().IsRegular() || int(owner.Uid) != os.Geteuid() || info.Mode().Perm()&0o077 != 0 {
		return entry{}, errors.New("others could have written it")
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err != nil {
		return entry{}, err
	}
	if len(text) > maxSize {
		return entry{}, errors.New("it is too large")
	}
	return parse(text)
}

func parse(text []byte) (entry, error) {
	var e entry
	if err := json.Unmarshal(text, &e); err != nil {
		return entry{}, fmt.Errorf("it cannot be read: %w", err)
	}
	switch {
	case e.Version != version:
		return entry{}, fmt.Errorf("version %d is not known", e.Version)
	case e.Process.PID <= 0:
		return entry{}, errors.New("it names no process")
	}
	return e, nil
}

// index is the number of a network device, 0 when there is none of that name.
func index(device string) int {
	i, err := net.InterfaceByName(device)
	if err != nil {
		return 0
	}
	return i.Index
}
