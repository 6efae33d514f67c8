package testlab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/godbus/dbus/v5"
	"golang.org/x/sys/unix"
)

const (
	logindName  = "org.freedesktop.login1"
	logindPath  = dbus.ObjectPath("/org/freedesktop/login1")
	logindIface = "org.freedesktop.login1.Manager"
)

// logindPolicy is for machines without systemd's own.
const logindPolicy = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><policy user="root"><allow own="org.freedesktop.login1"/><allow send_destination="org.freedesktop.login1"/></policy></busconfig>
`

// Logind is the part of systemd-logind that tells of sleep and waits for those who
// asked for a delay.
type Logind struct {
	conn *dbus.Conn

	mu    sync.Mutex
	locks []lock
}

// lock is a pipe: its reader shows when all copies of the other end are closed.
type lock struct {
	who    string
	reader *os.File
	given  *os.File
}

// StartLogind puts a logind on the machine's system bus.
func (n *NM) StartLogind() (*Logind, error) {
	if err := n.machine.WriteFile("/etc/dbus-1/system.d/login1.conf", logindPolicy, 0o644); err != nil {
		return nil, err
	}
	if err := n.bus.BusObject().Call("org.freedesktop.DBus.ReloadConfig", 0).Err; err != nil {
		return nil, err
	}
	conn, err := dbus.Connect("unix:path=" + n.machine.Path("/run/dbus/system_bus_socket"))
	if err != nil {
		return nil, err
	}
	l := &Logind{conn: conn}
	if err := conn.Export(inhibitor{l}, logindPath, logindIface); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	if reply, err := conn.RequestName(logindName, dbus.NameFlagDoNotQueue); err != nil || reply != dbus.RequestNameReplyPrimaryOwner {
		return nil, errors.Join(fmt.Errorf("the name of logind: %v, %w", reply, err), l.Close())
	}
	return l, nil
}

// Close takes it from the bus.
func (l *Logind) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, k := range l.locks {
		_, _ = k.given.Close(), k.reader.Close()
	}
	l.locks = nil
	return l.conn.Close()
}

// inhibitor is what others call.
type inhibitor struct{ l *Logind }

// Inhibit gives a lock that ends when all copies of it are closed.
func (i inhibitor) Inhibit(what, who, _, mode string) (dbus.UnixFD, *dbus.Error) {
	if what != "sleep" || mode != "delay" {
		return 0, dbus.MakeFailedError(fmt.Errorf("no lock of %s by %s", what, mode))
	}
	reader, given, err := os.Pipe()
	if err != nil {
		return 0, dbus.MakeFailedError(err)
	}
	i.l.mu.Lock()
	defer i.l.mu.Unlock()
	i.l.locks = append(i.l.locks, lock{who, reader, given})
	return dbus.UnixFD(given.Fd()), nil
}

// Delayed are those who hold a lock.
func (l *Logind) Delayed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.locks = slices.DeleteFunc(l.locks, lock.released)
	var all []string
	for _, k := range l.locks {
		all = append(all, k.who)
	}
	return all
}

// released: who has the lock has a copy of our end by the time that anybody asks.
func (k lock) released() bool {
	_ = k.given.Close() // once is enough
	poll := []unix.PollFd{{Fd: int32(k.reader.Fd()), Events: unix.POLLIN}}
	if n, err := unix.Poll(poll, 0); err != nil || n == 0 {
		return false
	}
	_ = k.reader.Close()
	return true
}

// Sleep says that the machine is about to sleep and waits for the locks to end, as
// long as logind would.
func (l *Logind) Sleep() error {
	if err := l.conn.Emit(logindPath, logindIface+".PrepareForSleep", true); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := Await(ctx, "the delay locks to end", func() bool { return len(l.Delayed()) == 0 })
	if err != nil {
		err = fmt.Errorf("%w: %v", err, l.Delayed())
	}
	return err
}

// Wake says that it has slept.
func (l *Logind) Wake() error {
	return l.conn.Emit(logindPath, logindIface+".PrepareForSleep", false)
}
