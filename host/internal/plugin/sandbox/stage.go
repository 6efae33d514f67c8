package sandbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// stageName is argv[0] of the stage.
const stageName = "penstock-plugin-stage"

// exitStage is the exit status of a stage that failed.
const exitStage = 125

var staged bool

// MaybeStage turns this process into the stage if it was started as one, and does
// not return then. Otherwise it does nothing but allow Start.
func MaybeStage() {
	if len(os.Args) == 0 || os.Args[0] != stageName {
		staged = true
		return
	}
	// Namespaces apart, all below belongs to one thread: the one that executes.
	runtime.LockOSThread()
	err := stage()
	fmt.Fprintln(os.Stderr, "sandbox:", err)
	os.Exit(exitStage)
}

// stage closes the sandbox and executes the program; it returns only errors.
func stage() error {
	p, err := receivePlan()
	if err != nil {
		return fmt.Errorf("reading the plan: %w", err)
	}
	// Whatever the host failed to close on exec ends here; of the stage's own, all but the socket.
	if err := unix.CloseRange(socketFD+1, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("close_range: %w (Linux 5.11 or newer is needed)", err)
	}
	if err := unix.Sethostname([]byte("penstock")); err != nil {
		return fmt.Errorf("sethostname: %w", err)
	}
	dir, err := p.enterView()
	if err != nil {
		return err
	}
	if err := limit(); err != nil {
		return err
	}
	var r report
	if r.Warnings, err = dropPrivileges(p.UID); err != nil {
		return err
	}
	if err := r.send(dir); err != nil {
		return err
	}
	if err := filterSyscalls(); err != nil {
		return err
	}
	return p.exec()
}

// receivePlan waits for the host's message and gives what came with it its numbers.
func receivePlan() (p plan, err error) {
	buf := make([]byte, maxPlan)
	n, got, err := readFDs(hostFD, buf, len(handed))
	if err != nil {
		return p, err
	}
	if n == 0 || len(got) != len(handed) {
		return p, errors.New("the host gave it up")
	}
	for i, to := range handed { // none of which is among what came
		if err := unix.Dup3(got[i], to, 0); err != nil {
			return p, err
		}
	}
	return p, json.Unmarshal(buf[:n], &p)
}

// send gives the host the program's directory.
func (r report) send(dir int) error {
	text, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if err := unix.Sendmsg(hostFD, text, unix.UnixRights(dir), nil, 0); err != nil {
		return fmt.Errorf("reporting to the host: %w", err)
	}
	return nil
}

// exec executes the sealed image, or the interpreter with the image's copy.
func (p plan) exec() error {
	path, fd, flags := "", imageFD, uintptr(unix.AT_EMPTY_PATH)
	if p.Interpreter != "" {
		path, fd, flags = p.Interpreter, unix.AT_FDCWD, 0
	}
	name, err := unix.BytePtrFromString(path)
	if err != nil {
		return err
	}
	argv, err := pointers(p.Args)
	if err != nil {
		return err
	}
	envv, err := pointers(p.Env)
	if err != nil {
		return err
	}
	if err := limitMemory(); err != nil {
		return err
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_EXECVEAT, uintptr(fd), uintptr(unsafe.Pointer(name)),
		uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])), flags, 0)
	if p.Interpreter != "" {
		return fmt.Errorf("executing the interpreter %s: %w (a plugin sees /usr, /bin and /lib alone)", p.Interpreter, errno)
	}
	return fmt.Errorf("executing the program: %w", errno)
}

// pointers is texts as the kernel wants argv and envp.
func pointers(texts []string) ([]*byte, error) {
	p := make([]*byte, 0, len(texts)+1)
	for _, text := range texts {
		b, err := unix.BytePtrFromString(text)
		if err != nil {
			return nil, err
		}
		p = append(p, b)
	}
	return append(p, nil), nil
}
