package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Process is a running program. All of its descendants end with it.
type Process struct {
	Pid      int      // in the host's pid namespace
	UID      int      // of the program, in the host's user namespace
	Dir      *os.File // the program's RuntimeDir
	Warnings []string // what could not be closed off, for people
	kill     func() error
	done     chan struct{}
	state    *os.ProcessState
}

// namespaces that every program gets anew.
const namespaces = unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWNS

// Stage is a stage that was started and waits for what to run.
type Stage struct {
	process *Process
	host    *os.File // our end
	uid     int      // for the program; 0: it keeps ours, inside a user namespace
}

// NewStage starts a stage. It waits for Start, and ends with this process at the latest.
func NewStage() (*Stage, error) {
	if !staged {
		return nil, errors.New("the program that starts plugins must call plugin.MaybeStage first in main (or TestMain)")
	}
	ours, theirs, err := Pair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	uid := ownUID()
	cmd := stageCommand(uid)
	// What the plan brings has its numbers kept free.
	cmd.ExtraFiles = []*os.File{socketFD - 3: theirs, imageFD - 3: theirs, hostFD - 3: theirs}
	process, err := spawn(cmd)
	if err != nil {
		ours.Close()
		return nil, startError(err)
	}
	process.UID = uid
	if uid == 0 {
		process.UID = os.Getuid()
	}
	return &Stage{process, ours, uid}, nil
}

// Pid is the stage's, and then the program's.
func (s *Stage) Pid() int { return s.process.Pid }

// Discard ends a stage that is not wanted.
func (s *Stage) Discard() {
	_ = s.process.Kill()
	<-s.process.done
	s.host.Close()
}

// Start runs p and returns when its sandbox is closed and p is about to be executed.
// ctx bounds that alone. What the stage has to say about a failure is on p.Stderr.
func (s *Stage) Start(ctx context.Context, p Program) (*Process, error) {
	stop := context.AfterFunc(ctx, func() { _ = s.process.Kill() })
	defer stop()
	err := s.send(p)
	if err == nil {
		err = s.process.receive(s.host)
	}
	if err != nil {
		s.Discard()
		return nil, err
	}
	s.host.Close()
	return s.process, nil
}

// maxPlan bounds the plan's message, in bytes.
const maxPlan = 64 << 10

// send tells the stage what to run, as soon as the image is there.
func (s *Stage) send(p Program) error {
	image, err := p.Image()
	if err != nil {
		return err
	}
	plan, err := p.plan(image, s.uid)
	if err != nil {
		return err
	}
	text, err := json.Marshal(plan)
	if err != nil {
		return err
	}
	if len(text) > maxPlan {
		return fmt.Errorf("its arguments and environment have %d bytes, at most %d are allowed", len(text), maxPlan)
	}
	rights := unix.UnixRights(int(p.Stdout.Fd()), int(p.Stderr.Fd()), int(p.Socket.Fd()), int(image.Fd()))
	if err := unix.Sendmsg(int(s.host.Fd()), text, rights, nil, unix.MSG_NOSIGNAL); err != nil && !errors.Is(err, unix.EPIPE) {
		return fmt.Errorf("telling its sandbox what to run: %w", err)
	}
	return nil // a stage that is gone has left its reason
}

// plan decides what the program's view holds.
func (p Program) plan(image *os.File, uid int) (plan, error) {
	k, err := kindOf(image)
	if err != nil {
		return plan{}, err
	}
	pl := plan{
		Name: p.Name, Args: append([]string{p.Name}, p.Args...), System: !k.static, UID: uid,
		Env: append(p.Env,
			"PATH=/usr/bin:/bin", "LANG=C.UTF-8", "HOME="+RuntimeDir, "TMPDIR="+RuntimeDir,
			fmt.Sprintf("GOMEMLIMIT=%d", softMemory)),
	}
	if len(k.interpreter) > 0 {
		pl.Script = filepath.Join(scriptDir, filepath.Base(p.Name))
		pl.Interpreter = k.interpreter[0]
		pl.Args = append(append(k.interpreter, pl.Script), p.Args...)
	}
	return pl, nil
}

// stageCommand runs this binary again, as MaybeStage.
func stageCommand(uid int) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{stageName}
	cmd.Env = []string{}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: unix.SIGKILL}
	if uid == 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN, unix.CAP_SETPCAP}
	}
	return cmd
}

// spawn starts cmd from a thread that lives as long as the process: the kernel sends
// the parent-death signal when the thread that cloned ends, not when the host does.
func spawn(cmd *exec.Cmd) (*Process, error) {
	p := &Process{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.Pid, p.kill = cmd.Process.Pid, cmd.Process.Kill
		}
		started <- err
		if err == nil {
			_ = cmd.Wait() // the state says it all
			p.state = cmd.ProcessState
			close(p.done)
		}
	}()
	return p, <-started
}

// startError says what a refused clone means.
func startError(err error) error {
	switch {
	case !errors.Is(err, unix.EPERM) && !errors.Is(err, unix.ENOSPC):
		return err
	case os.Geteuid() == 0:
		return fmt.Errorf("%w: this root may not make namespaces; a container needs --privileged, a service CAP_SYS_ADMIN", err)
	}
	return fmt.Errorf("%w: this system gives users no namespaces of their own; run penstock as root, or allow them (sysctl kernel.unprivileged_userns_clone, user.max_user_namespaces, kernel.apparmor_restrict_unprivileged_userns)", err)
}

// receive takes the stage's report.
func (p *Process) receive(from *os.File) error {
	buf := make([]byte, 64<<10)
	n, dir, err := readFDs(int(from.Fd()), buf, 1)
	if err != nil {
		return err
	}
	if n == 0 || len(dir) != 1 {
		return errors.New("its sandbox could not be set up")
	}
	p.Dir = os.NewFile(uintptr(dir[0]), RuntimeDir)
	var r report
	if err := json.Unmarshal(buf[:n], &r); err != nil {
		p.Dir.Close()
		return fmt.Errorf("its sandbox reported nonsense: %w", err)
	}
	p.Warnings = r.Warnings
	return nil
}

// Done is closed when the program has ended and was reaped.
func (p *Process) Done() <-chan struct{} { return p.done }

// State says how the program ended; only after Done.
func (p *Process) State() *os.ProcessState { return p.state }

// Kill ends the program and everything it started; Done follows.
func (p *Process) Kill() error {
	err := p.kill()
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// Close lets go of the program's directory; after Done.
func (p *Process) Close() error { return p.Dir.Close() }
