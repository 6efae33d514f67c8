package netmon

import (
	"context"
	"os"
	"time"

	"github.com/godbus/dbus/v5"
)

const (
	logindName  = "org.freedesktop.login1"
	logindPath  = "/org/freedesktop/login1"
	logindIface = "org.freedesktop.login1.Manager"
)

// held is how long going to sleep waits for an event to be received: below logind's
// InhibitDelayMaxSec of five seconds.
const held = 3 * time.Second

// sleeping sends Suspend and Wake as logind announces them. Without logind the clock
// shows afterwards that the machine slept.
func sleeping(ctx context.Context, out chan<- Event) {
	if conn, err := dbus.ConnectSystemBus(dbus.WithContext(ctx)); err == nil {
		l := &logind{conn: conn}
		l.run(ctx, out)
		_ = conn.Close()
	}
	if ctx.Err() == nil {
		wakes(ctx, out)
	}
}

// logind holds a delay lock while the machine is awake, so that Suspend is received
// before the network goes.
type logind struct {
	conn *dbus.Conn
	lock *os.File
}

// run ends with ctx, when there is no logind, or when the bus goes.
func (l *logind) run(ctx context.Context, out chan<- Event) {
	signals := make(chan *dbus.Signal, 4)
	l.conn.Signal(signals)
	err := l.conn.AddMatchSignalContext(ctx,
		dbus.WithMatchSender(logindName), dbus.WithMatchObjectPath(logindPath),
		dbus.WithMatchInterface(logindIface), dbus.WithMatchMember("PrepareForSleep"))
	if err != nil || !l.inhibit(ctx) {
		return
	}
	defer l.release()
	for {
		select {
		case <-ctx.Done():
			return
		case s, ok := <-signals:
			if !ok {
				return
			}
			if going, ok := prepareForSleep(s); ok {
				l.announce(ctx, going, out)
			}
		}
	}
}

func prepareForSleep(s *dbus.Signal) (going, ok bool) {
	if s.Name != logindIface+".PrepareForSleep" || len(s.Body) != 1 {
		return false, false
	}
	going, ok = s.Body[0].(bool)
	return going, ok
}

func (l *logind) announce(ctx context.Context, going bool, out chan<- Event) {
	if !going {
		send(ctx, out, Wake)
		l.inhibit(ctx)
		return
	}
	limited, cancel := context.WithTimeout(ctx, held)
	defer cancel()
	send(limited, out, Suspend)
	l.release()
}

// inhibit takes the lock. A logind that refuses it announces all the same; only the
// lack of a logind makes it false.
func (l *logind) inhibit(ctx context.Context) bool {
	l.release()
	var fd dbus.UnixFD
	err := l.conn.Object(logindName, logindPath).CallWithContext(ctx, logindIface+".Inhibit", 0,
		"sleep", "Penstock", "VPN connections get ready", "delay").Store(&fd)
	if err == nil {
		l.lock = os.NewFile(uintptr(fd), "inhibitor")
		return true
	}
	var owned bool
	err = l.conn.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, logindName).Store(&owned)
	return err == nil && owned
}

func (l *logind) release() {
	if l.lock != nil {
		_ = l.lock.Close()
		l.lock = nil
	}
}
