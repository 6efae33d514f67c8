package testlab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
)

// Command is a program to run on a machine.
type Command struct {
	Args  []string
	Stdin string   // what it reads; without it /dev/null
	Env   []string // added to a plain environment
}

// Process is a program running on a machine, or one that has ended.
type Process struct {
	Args []string

	cmd      *exec.Cmd
	out, err string // files
	terminal *os.File
	done     chan struct{}
}

// Start runs c on the machine, its output going to files in the machine's Dir.
func (m *Machine) Start(c Command) (*Process, error) {
	p, files, err := m.prepare(c)
	if err != nil {
		return nil, err
	}
	defer closeAll(files)
	p.cmd.Stdout, p.cmd.Stderr = files[0], files[1]
	if c.Stdin != "" {
		p.cmd.Stdin = strings.NewReader(c.Stdin)
	}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return p, m.launch(p)
}

// StartTerminal runs c with a terminal of its own; Type answers its prompts.
func (m *Machine) StartTerminal(c Command) (*Process, error) {
	p, files, err := m.prepare(c)
	if err != nil {
		return nil, err
	}
	master, tty, err := pty.Open()
	if err != nil {
		closeAll(files)
		return nil, err
	}
	p.terminal = master
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = tty, tty, tty
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	err = m.launch(p)
	tty.Close()
	if err != nil {
		closeAll(append(files, master))
		return nil, err
	}
	go func() {
		defer closeAll(files)
		io.Copy(files[0], master) // ends with EIO when the last user of the terminal is gone
	}()
	return p, nil
}

func (m *Machine) prepare(c Command) (*Process, []*os.File, error) {
	m.mu.Lock()
	n := len(m.processes)
	m.mu.Unlock()
	base := filepath.Join(m.Dir, fmt.Sprintf("%02d-%s", n, filepath.Base(c.Args[0])))
	p := &Process{Args: c.Args, out: base + ".out", err: base + ".err", done: make(chan struct{})}
	p.cmd = exec.Command(c.Args[0], c.Args[1:]...)
	p.cmd.Dir = m.Dir
	p.cmd.Env = append([]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"LC_ALL=C.UTF-8", "HOME=/root", "TERM=dumb", "TMPDIR=" + filepath.Join(m.Dir, "tmp")}, c.Env...)
	var files []*os.File
	for _, name := range []string{p.out, p.err} {
		f, err := os.Create(name)
		if err != nil {
			closeAll(files)
			return nil, nil, err
		}
		files = append(files, f)
	}
	return p, files, nil
}

func (m *Machine) launch(p *Process) error {
	if err := m.Do(p.cmd.Start); err != nil {
		return fmt.Errorf("on %s: %w", m.Name, err)
	}
	go func() {
		p.cmd.Wait()
		close(p.done)
	}()
	m.mu.Lock()
	m.processes = append(m.processes, p)
	m.mu.Unlock()
	return nil
}

// Run runs a program to its end and returns what it wrote to both outputs; a
// failure's text holds it too.
func (m *Machine) Run(args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = m.Dir
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := m.Do(cmd.Start); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, out.String())
	}
	return out.String(), nil
}

// Pid is the process's id as seen outside the machine.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Signal sends a signal, to this process alone.
func (p *Process) Signal(s syscall.Signal) error { return p.cmd.Process.Signal(s) }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait returns the exit status, or -1 for one ended by a signal.
func (p *Process) Wait(limit time.Duration) (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(limit):
		return 0, fmt.Errorf("%s still runs after %s", p, limit)
	}
}

// Stop sends s, and SIGKILL when the process has not ended after limit.
func (p *Process) Stop(s syscall.Signal, limit time.Duration) (int, error) {
	if err := p.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	code, err := p.Wait(limit)
	if err != nil {
		p.Signal(syscall.SIGKILL)
		<-p.done
	}
	return code, err
}

// Type writes to the process's terminal.
func (p *Process) Type(text string) error {
	_, err := io.WriteString(p.terminal, text)
	return err
}

// Stdout and Stderr are what the process wrote so far; a terminal is all Stdout.
func (p *Process) Stdout() string { return readFile(p.out) }

// Stderr is described at Stdout.
func (p *Process) Stderr() string { return readFile(p.err) }

// Output is Stdout and Stderr, one after the other.
func (p *Process) Output() string { return p.Stdout() + p.Stderr() }

// Expect waits until the output matches.
func (p *Process) Expect(ctx context.Context, pattern *regexp.Regexp) error {
	err := Await(ctx, fmt.Sprintf("%s to say %q", p, pattern), func() bool {
		return pattern.MatchString(p.Output()) || p.ended()
	})
	if err == nil && !pattern.MatchString(p.Output()) {
		return fmt.Errorf("%s ended without saying %q", p, pattern)
	}
	return err
}

func (p *Process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// String is the command line, shortened.
func (p *Process) String() string {
	s := strings.Join(p.Args, " ")
	return s[:min(len(s), 200)]
}

// Tail is the last lines of the output.
func (p *Process) Tail(lines int) string {
	all := strings.SplitAfter(p.Output(), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "")
}

func readFile(name string) string {
	b, _ := os.ReadFile(name)
	return string(b)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
