package desktop

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

const (
	runtimeDir = "/run/user/0"
	sessionBus = "unix:path=" + runtimeDir + "/bus"
	display    = ":1"
	sockets    = "/tmp/.X11-unix"
)

// Screen is that of a machine, with a session bus and a window manager.
type Screen struct {
	machine   *testlab.Machine
	home      string
	processes []*testlab.Process
	session   *dbus.Conn
	access    *dbus.Conn // the accessibility bus
}

// Open puts a screen on the machine.
func Open(m *testlab.Machine) (*Screen, error) {
	s := &Screen{machine: m, home: filepath.Join(m.Dir, "home")}
	for _, step := range []func() error{s.folders, s.startX, s.startBus, s.startAccess} {
		if err := step(); err != nil {
			s.Close()
			return nil, fmt.Errorf("screen: %w", err)
		}
	}
	return s, nil
}

// folders makes what the session keeps its own: no other machine's display is seen.
func (s *Screen) folders() error {
	if err := os.MkdirAll(s.home, 0o700); err != nil {
		return err
	}
	return s.machine.Do(func() error {
		if err := os.MkdirAll(runtimeDir, 0o700); err != nil {
			return err
		}
		if err := os.MkdirAll(sockets, 0o1777); err != nil {
			return err
		}
		return unix.Mount("tmpfs", sockets, "tmpfs", 0, "mode=1777")
	})
}

// environment is that of every program of the session.
func (s *Screen) environment() []string {
	return []string{"DISPLAY=" + display, "DBUS_SESSION_BUS_ADDRESS=" + sessionBus, "XDG_RUNTIME_DIR=" + runtimeDir, "HOME=" + s.home,
		"XDG_CURRENT_DESKTOP=GNOME", "XDG_SESSION_TYPE=x11", "GDK_BACKEND=x11", "GSK_RENDERER=cairo", "LIBGL_ALWAYS_SOFTWARE=1",
		"GSETTINGS_BACKEND=memory", "LANG=C.UTF-8", "GTK_THEME=Adwaita", "GTK_USE_PORTAL=0"}
}

// Start starts a program of the session.
func (s *Screen) Start(args ...string) (*testlab.Process, error) {
	p, err := s.machine.Start(testlab.Command{Args: args, Env: s.environment()})
	if err == nil {
		s.processes = append(s.processes, p)
	}
	return p, err
}

// run runs a tool of the session to its end.
func (s *Screen) run(args ...string) (string, error) {
	p, err := s.machine.Start(testlab.Command{Args: args, Env: s.environment()})
	if err != nil {
		return "", err
	}
	code, err := p.Wait(20 * time.Second)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s: exit status %d: %s", p, code, p.Output())
	}
	return strings.TrimSpace(p.Stdout()), err
}

func (s *Screen) startX() error {
	x, err := s.Start("/usr/bin/Xvfb", display, "-nolock", "-noreset", "-screen", "0", "1280x900x24", "-nolisten", "tcp")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := testlab.Await(ctx, "the display", func() bool {
		_, err := s.run("/usr/bin/xdotool", "getdisplaygeometry")
		return err == nil
	}); err != nil {
		return fmt.Errorf("%w: %s", err, x.Tail(20))
	}
	_, err = s.Start("/usr/bin/openbox")
	return err
}

func (s *Screen) startBus() error {
	p, err := s.Start("/usr/bin/dbus-daemon", "--session", "--address="+sessionBus, "--nofork", "--nopidfile")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = testlab.Await(ctx, "the session bus", func() bool {
		s.session, err = dbus.Connect("unix:path=" + s.machine.Path(runtimeDir+"/bus"))
		return err == nil
	})
	if err != nil {
		return fmt.Errorf("%w: %s", err, p.Tail(20))
	}
	return nil
}

// startAccess has the accessibility bus be there before any program.
func (s *Screen) startAccess() error {
	launcher := s.session.Object("org.a11y.Bus", "/org/a11y/bus")
	var address string
	if err := launcher.Call("org.a11y.Bus.GetAddress", 0).Store(&address); err != nil {
		return fmt.Errorf("the accessibility bus: %w", err)
	}
	for _, property := range []string{"IsEnabled", "ScreenReaderEnabled"} {
		if err := launcher.SetProperty("org.a11y.Status."+property, dbus.MakeVariant(true)); err != nil {
			return err
		}
	}
	path, isPath := strings.CutPrefix(address, "unix:path=")
	if !isPath {
		return fmt.Errorf("the accessibility bus is at %s", address)
	}
	path, _, _ = strings.Cut(path, ",")
	var err error
	s.access, err = dbus.Connect("unix:path=" + s.machine.Path(path))
	return err
}

// Close ends the session, the last program first.
func (s *Screen) Close() {
	for _, bus := range []*dbus.Conn{s.access, s.session} {
		if bus != nil {
			_ = bus.Close()
		}
	}
	for i := len(s.processes) - 1; i >= 0; i-- {
		_, _ = s.processes[i].Stop(syscall.SIGTERM, 2*time.Second)
	}
}
