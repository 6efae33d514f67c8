package netcfg

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// Command is a program with all that it needs: it can be kept in a file and run by
// another process.
type Command struct {
	Args []string `json:"args"` // Args[0] is the program
	Env  []string `json:"env"`  // the whole environment
	Dir  string   `json:"dir"`  // working directory; where that is gone, the root
}

// Bounds of a command's output and of the wait for those who still hold it open
// after the command has ended.
const (
	maxLine  = 1024
	maxLines = 1000
	linger   = 2 * time.Second
)

// Run runs c in a process group of its own, with no input.
// Each line it prints, on either output, goes to line, cut at 1024 bytes; after 1000
// lines the rest is dropped. When ctx ends the group is killed. A program that fails
// gives an *exec.ExitError, one that was killed because of ctx the cause of ctx.
func (c Command) Run(ctx context.Context, line func(string)) error {
	if len(c.Args) == 0 {
		return errors.New("empty command")
	}
	out := &lines{line: line}
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	if _, err := os.Stat(c.Dir); err != nil {
		cmd.Dir = "/"
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = linger
	err := cmd.Run()
	out.flush()
	switch {
	case ctx.Err() != nil && err != nil:
		return context.Cause(ctx)
	case errors.Is(err, exec.ErrWaitDelay):
		return nil // it ended well and left a daemon that holds the pipe
	}
	return err
}

// lines cuts a stream into lines.
type lines struct {
	line    func(string)
	partial []byte
	count   int
}

var _ io.Writer = (*lines)(nil)

func (l *lines) Write(b []byte) (int, error) {
	for rest := b; len(rest) > 0; {
		advance, token, _ := bufio.ScanLines(rest, false)
		if advance == 0 {
			l.keep(rest)
			break
		}
		l.keep(token)
		l.flush()
		rest = rest[advance:]
	}
	return len(b), nil
}

func (l *lines) keep(b []byte) {
	l.partial = append(l.partial, b[:min(len(b), maxLine-len(l.partial))]...)
}

func (l *lines) flush() {
	if len(l.partial) > 0 && l.count < maxLines {
		l.line(string(l.partial))
		l.count++
	}
	l.partial = l.partial[:0]
}
