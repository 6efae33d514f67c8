package netmon

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/godbus/dbus/v5"
)

// bus starts a private message bus as the system bus of this test.
func bus(t *testing.T) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "bus.conf")
	err := os.WriteFile(config, []byte(`<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><listen>unix:tmpdir=/tmp</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*"/><allow receive_sender="*"/><allow own="*"/><allow user="*"/></policy></busconfig>`), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("dbus-daemon", "--nofork", "--nopidfile", "--print-address", "--config-file="+config)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("dbus-daemon gave no address: %v", err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", strings.TrimSpace(address))
}

// pipe shows at its reading end when all copies of the lock are closed.
type pipe struct {
	reader *os.File
	lock   int
}

// awaitRelease closes our copy, which the other side must have received.
func (p *pipe) awaitRelease(t *testing.T) {
	t.Helper()
	if err := syscall.Close(p.lock); err != nil {
		t.Fatal(err)
	}
	if n, err := p.reader.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("reading the lock: %d, %v", n, err)
	}
	if err := p.reader.Close(); err != nil {
		t.Fatal(err)
	}
}

// fakeLogind is the part of login1 that is asked.
type fakeLogind struct {
	conn   *dbus.Conn
	held   chan *pipe // of each lock given; nil when it was refused
	refuse bool
}

func (f *fakeLogind) Inhibit(what, who, _, mode string) (dbus.UnixFD, *dbus.Error) {
	if what != "sleep" || who == "" || mode != "delay" {
		return 0, dbus.MakeFailedError(os.ErrInvalid)
	}
	if f.refuse {
		f.held <- nil
		return 0, dbus.NewError("org.freedesktop.DBus.Error.AccessDenied", nil)
	}
	var ends [2]int
	if err := syscall.Pipe2(ends[:], syscall.O_CLOEXEC); err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	f.held <- &pipe{reader: os.NewFile(uintptr(ends[0]), "reader"), lock: ends[1]}
	return dbus.UnixFD(ends[1]), nil
}

func (f *fakeLogind) prepareForSleep(t *testing.T, going bool) {
	t.Helper()
	if err := f.conn.Emit(logindPath, logindIface+".PrepareForSleep", going); err != nil {
		t.Fatal(err)
	}
}

func startLogind(t *testing.T, refuse bool) *fakeLogind {
	t.Helper()
	conn, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	f := &fakeLogind{conn: conn, held: make(chan *pipe, 8), refuse: refuse}
	if err := conn.Export(f, logindPath, logindIface); err != nil {
		t.Fatal(err)
	}
	if reply, err := conn.RequestName(logindName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		t.Fatalf("name: %v %v", reply, err)
	}
	return f
}

func TestLogindAnnouncesSleep(t *testing.T) {
	for _, refuse := range []bool{false, true} {
		bus(t)
		f := startLogind(t, refuse)
		out := make(chan Event)
		go sleeping(t.Context(), out)
		for range 2 {
			lock := <-f.held
			f.prepareForSleep(t, true)
			expect(t, out, Suspend)
			if lock != nil {
				lock.awaitRelease(t)
			}
			f.prepareForSleep(t, false)
			expect(t, out, Wake)
		}
	}
}

// Without logind, and without a bus, nothing is said and nothing fails.
func TestNoLogind(t *testing.T) {
	bus(t)
	conn, err := dbus.ConnectSystemBus()
	if err != nil {
		t.Fatal(err)
	}
	l := &logind{conn: conn}
	l.run(t.Context(), make(chan Event)) // comes back
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent")
	if _, err := Watch(t.Context(), nil, nil); err != nil {
		t.Error(err)
	}
}

func TestPrepareForSleep(t *testing.T) {
	for _, body := range [][]any{{}, {"true"}, {true, true}} {
		if _, ok := prepareForSleep(&dbus.Signal{Name: logindIface + ".PrepareForSleep", Body: body}); ok {
			t.Errorf("%v was taken", body)
		}
	}
	if _, ok := prepareForSleep(&dbus.Signal{Name: logindIface + ".PrepareForShutdown", Body: []any{true}}); ok {
		t.Error("another signal was taken")
	}
}
