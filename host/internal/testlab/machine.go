package testlab

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Machine is one box of the lab: its own network, mount, process-id and host name
// namespaces, with a private /run and a private, writable copy of /etc. Its
// namespaces have no name and its first process dies with ours, so nothing of a
// machine outlives the process that made it, however that ends.
type Machine struct {
	Name string
	Dir  string // logs and scratch files; seen under the same path inside

	init *exec.Cmd
	jobs chan job
	link *netlink.Handle

	mu        sync.Mutex
	processes []*Process
}

type job struct {
	run  func() error
	done chan error
}

// NewMachine starts a machine that keeps its files in dir/name.
func NewMachine(name, dir string) (*Machine, error) {
	m := &Machine{Name: name, Dir: filepath.Join(dir, name), jobs: make(chan job)}
	if err := os.MkdirAll(filepath.Join(m.Dir, "tmp"), 0o755); err != nil {
		return nil, err
	}
	ready := make(chan error, 1)
	go m.thread(ready)
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("machine %s: %w", name, err)
	}
	err := m.Do(func() (err error) {
		if m.link, err = netlink.NewHandle(); err != nil {
			return err
		}
		// Addresses are good at once, or else two snapshots of an idle machine differ.
		return os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0)
	})
	if err == nil {
		err = m.setUp("lo")
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("machine %s: %w", name, err)
	}
	return m, nil
}

// thread holds one OS thread inside the machine's namespaces for as long as the
// machine exists and runs what Do hands it. It is never unlocked: the runtime ends
// the thread, and the namespaces with it, when the goroutine returns.
func (m *Machine) thread(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == unix.Getpid() { // the main thread cannot end: leave it alone
		done := make(chan struct{})
		go func() { defer close(done); m.thread(ready) }()
		<-done
		runtime.UnlockOSThread()
		return
	}
	if err := m.enter(); err != nil {
		ready <- err
		return
	}
	ready <- nil
	for j := range m.jobs {
		j.done <- j.run()
	}
}

// enter moves the calling thread into new namespaces and starts the first process.
func (m *Machine) enter() error {
	// The os package tries pidfds with a child of its own, once. That child must not
	// become the machine's first process, so it is had here.
	if _, err := os.FindProcess(os.Getpid()); err != nil {
		return err
	}
	const flags = unix.CLONE_FS | unix.CLONE_NEWNET | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWUTS
	if err := unix.Unshare(flags); err != nil {
		return fmt.Errorf("new namespaces (root needed): %w", err)
	}
	if err := unix.Sethostname([]byte(m.Name)); err != nil {
		return err
	}
	if err := m.mount(); err != nil {
		return err
	}
	return m.startInit()
}

// mount makes /run and /etc the machine's own.
func (m *Machine) mount() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	upper := filepath.Join(m.Dir, "overlay")
	if err := os.MkdirAll(upper, 0o755); err != nil {
		return err
	}
	if err := unix.Mount("tmpfs", upper, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, d := range []string{"up", "work"} {
		if err := os.Mkdir(filepath.Join(upper, d), 0o755); err != nil {
			return err
		}
	}
	layers := fmt.Sprintf("lowerdir=/etc,upperdir=%s/up,workdir=%s/work", upper, upper)
	if err := unix.Mount("overlay", "/etc", "overlay", 0, layers); err != nil {
		return fmt.Errorf("private /etc: %w", err)
	}
	return unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755")
}

func (m *Machine) startInit() error {
	m.init = exec.Command("/proc/self/exe")
	m.init.Args = []string{initName}
	m.init.Stderr = os.Stderr
	m.init.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	out, err := m.init.StdoutPipe()
	if err != nil {
		return err
	}
	if err := m.init.Start(); err != nil {
		return err
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != initReady {
		m.init.Wait()
		return fmt.Errorf("first process of the machine: said %q: does main call testlab.Init?", line)
	}
	return nil
}

// Do runs f on a thread inside the machine's namespaces: sockets it makes, files it
// opens and processes it starts belong there. f must not start goroutines that
// need to be inside as well.
func (m *Machine) Do(f func() error) error {
	j := job{f, make(chan error, 1)}
	m.jobs <- j
	return <-j.done
}

// Path is where a file of the machine is seen from outside.
func (m *Machine) Path(inside string) string {
	return fmt.Sprintf("/proc/%d/root%s", m.init.Process.Pid, inside)
}

// namespace is the file that stands for one of the machine's namespaces.
func (m *Machine) namespace(kind string) string {
	return fmt.Sprintf("/proc/%d/ns/%s", m.init.Process.Pid, kind)
}

// ReadFile and WriteFile reach a file of the machine.
func (m *Machine) ReadFile(inside string) (string, error) {
	b, err := os.ReadFile(m.Path(inside))
	return string(b), err
}

// WriteFile replaces a file of the machine, making its folder.
func (m *Machine) WriteFile(inside, content string, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(m.Path(inside)), 0o755); err != nil {
		return err
	}
	return os.WriteFile(m.Path(inside), []byte(content), mode)
}

// Close ends every process of the machine and gives its namespaces back. Its Dir
// stays, for the logs.
func (m *Machine) Close() error {
	m.init.Process.Kill() // the kernel kills the rest of the namespace
	m.init.Wait()
	m.mu.Lock()
	processes := m.processes
	m.processes = nil
	m.mu.Unlock()
	for _, p := range processes {
		<-p.done
	}
	if m.link != nil {
		m.link.Close()
	}
	close(m.jobs)
	return nil
}

// Logs returns what the machine's processes wrote, for a failed test.
func (m *Machine) Logs() string {
	var b strings.Builder
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.processes {
		fmt.Fprintf(&b, "--- %s: %s\n%s", m.Name, p, p.Tail(60))
	}
	return b.String()
}

// IsRoot says whether labs can be built here.
func IsRoot() bool { return os.Geteuid() == 0 }
