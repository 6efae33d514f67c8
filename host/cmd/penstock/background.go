package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// Go cannot fork, so --background starts the program again, early: the child asks,
// connects and stays; the launcher waits until the child says that it is connected,
// and ends. The child's process id is the daemon's, the pid file's and VPNPID.
//
//	launcher ---- starts, passes stdin, stdout, stderr, signals ----> child
//	launcher <--- "ready" on a pipe, or the pipe's end ------------- child
const (
	readyVariable = "PENSTOCK_READY_FD"
	readyFD       = 3
	readyWord     = "ready\n"
)

// launch starts the child and waits until it is connected or has ended.
func (a *app) launch(args []string) error {
	r, w, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	defer r.Close() //nolint:errcheck // only read from
	cmd := exec.Command("/proc/self/exe", append([]string{"connect"}, args...)...)
	cmd.Args[0] = os.Args[0]
	cmd.Env = append(os.Environ(), readyVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = a.stdin, a.out.out, a.out.err, []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return fmt.Errorf("go to the background: %w", err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go passOn(signals, cmd.Process, ended)
	said, _ := io.ReadAll(io.LimitReader(r, int64(len(readyWord))))
	if bytes.Equal(said, []byte(readyWord)) {
		return nil
	}
	return outcome(cmd.Wait())
}

func passOn(signals <-chan os.Signal, to *os.Process, ended <-chan struct{}) {
	for {
		select {
		case s := <-signals:
			_ = to.Signal(s)
		case <-ended:
			return
		}
	}
}

// outcome is how the child ended before it was connected; it has said why.
func outcome(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.Exited():
		return exitWith(exit.ExitCode())
	}
	return diag.New(diag.Unspecified, "the process in the background ended: "+err.Error(), "see the system's log")
}

// readiness is the child's end of the launcher's pipe.
type readiness struct {
	pipe *os.File
	once sync.Once
	gone atomic.Bool // nobody sees us any more
}

// takeReadiness says whether this process is the child of a launcher. Nothing that
// it starts may inherit the pipe or the variable.
func takeReadiness() *readiness {
	if os.Getenv(readyVariable) == "" {
		return nil
	}
	_ = os.Unsetenv(readyVariable)
	unix.CloseOnExec(readyFD)
	return &readiness{pipe: os.NewFile(readyFD, "launcher")}
}

// announce lets the launcher go, and with it who reads our output to its end.
func (r *readiness) announce(out *output) {
	r.once.Do(func() {
		out.say("Continuing in background; pid %d", os.Getpid())
		if null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0); err == nil {
			for fd := range 3 {
				_ = unix.Dup3(int(null.Fd()), fd, 0)
			}
			_ = null.Close()
		}
		out.background()
		r.gone.Store(true)
		_, _ = io.WriteString(r.pipe, readyWord)
		_ = r.pipe.Close()
	})
}

// whileHere asks people as long as there is a terminal.
type whileHere struct {
	people ui.Prompter
	ready  *readiness
}

// Ask implements ui.Prompter.
func (w *whileHere) Ask(ctx context.Context, p prompt.Prompt) (prompt.Answer, error) {
	if w.ready.gone.Load() {
		return ui.Nobody{}.Ask(ctx, p)
	}
	return w.people.Ask(ctx, p)
}

// pidFile is the file of --pid-file; the zero path has none.
type pidFile struct {
	path    string
	written bool
}

// newPIDFile checks the folder before anything is connected.
func newPIDFile(path string) (*pidFile, error) {
	if path == "" {
		return &pidFile{}, nil
	}
	path = absolute(path)
	if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
		return nil, usage("the pid file cannot be written", filepath.Dir(path)+" is not a folder")
	}
	return &pidFile{path: path}, nil
}

// write puts this process's id there, whole or not at all.
func (p *pidFile) write() error {
	if p.path == "" || p.written {
		return nil
	}
	f, err := os.CreateTemp(filepath.Dir(p.path), ".penstock-pid-")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), p.path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	p.written = true
	return nil
}

// remove takes the file away if it is still ours.
func (p *pidFile) remove() {
	if !p.written {
		return
	}
	text, err := os.ReadFile(p.path)
	if err == nil && string(text) == fmt.Sprintf("%d\n", os.Getpid()) {
		_ = os.Remove(p.path)
	}
}
