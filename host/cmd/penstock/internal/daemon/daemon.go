// Package daemon puts a process in the background and writes its pid file. Go cannot
// fork, so the program is started again, early: the child asks, connects and stays; the
// launcher waits until the child says that it is connected, and ends. The child's process
// id is the daemon's, the pid file's and VPNPID.
//
//	launcher ---- starts, passes stdin, stdout, stderr, signals ----> child
//	launcher <--- "ready" on a pipe, or the pipe's end ------------- child
package daemon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

const (
	readyVariable = "PENSTOCK_READY_FD"
	readyFD       = 3
	readyWord     = "ready\n"
)

// Exit is the status of a child that ended before it was connected; it has said why.
type Exit int

func (e Exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Launch starts this program again, with argv, and waits until it is connected or has
// ended. An error may be an Exit.
func Launch(argv []string, stdin io.Reader, stdout, stderr io.Writer) (pid int, err error) {
	r, w, err := os.Pipe()
	if err != nil {
		return 0, fmt.Errorf("go to the background: %w", err)
	}
	defer r.Close() //nolint:errcheck // only read from
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = argv
	cmd.Env = append(os.Environ(), readyVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = stdin, stdout, stderr, []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	defer signal.Stop(signals)
	err = cmd.Start()
	_ = w.Close()
	if err != nil {
		return 0, fmt.Errorf("go to the background: %w", err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go passOn(signals, cmd.Process, ended)
	said, _ := io.ReadAll(io.LimitReader(r, int64(len(readyWord))))
	if bytes.Equal(said, []byte(readyWord)) {
		return cmd.Process.Pid, nil
	}
	return cmd.Process.Pid, outcome(cmd.Wait())
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

// outcome is how the child ended before it was connected.
func outcome(err error) error {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return Exit(0)
	case errors.As(err, &exit) && exit.Exited():
		return Exit(exit.ExitCode())
	}
	return diag.New(diag.Unspecified, "the process in the background ended: "+err.Error(), "see the system's log")
}

// Readiness is the child's end of the launcher's pipe.
type Readiness struct {
	pipe *os.File
	once sync.Once
	gone atomic.Bool
}

// Take says whether this process is the child of a launcher; otherwise it returns nil.
// Nothing that the process starts may inherit the pipe or the variable.
func Take() *Readiness {
	if os.Getenv(readyVariable) == "" {
		return nil
	}
	_ = os.Unsetenv(readyVariable)
	unix.CloseOnExec(readyFD)
	return &Readiness{pipe: os.NewFile(readyFD, "launcher")}
}

// Announce lets the launcher go, once, after leave.
func (r *Readiness) Announce(leave func()) {
	r.once.Do(func() {
		leave()
		r.gone.Store(true)
		_, _ = io.WriteString(r.pipe, readyWord)
		_ = r.pipe.Close()
	})
}

// Gone says whether the launcher was let go: nobody sees this process any more.
func (r *Readiness) Gone() bool { return r.gone.Load() }
