// Package alarm is a timer for moments that are seconds away, in programs that sleep
// until then.
//
// The kernel lets a program that polls for long oversleep by a thousandth, and Go's
// runtime, which waits for the moment beside it, wakes every 20 us meanwhile: some
// sixty times for a timer of ten seconds. A timer of the kernel's own is on time.
package alarm

import (
	"encoding/binary"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Timer is what an Alarm has in common with a time.Timer.
type Timer interface {
	// Reset sets it to fire after d, once, and forgets what was set before.
	Reset(d time.Duration) bool
	// Stop ends it. A call that has begun goes on.
	Stop() bool
}

// alarm is a timerfd (timerfd_create(2)) with a goroutine that waits for it.
type alarm struct {
	file *os.File

	mu   sync.Mutex // guards set against a close under its feet
	over bool
}

// AfterFunc is time.AfterFunc: it calls fire after d, and again after each Reset, one
// call at a time. It costs a descriptor until Stop; where there is none left, the
// runtime's timer serves.
func AfterFunc(d time.Duration, fire func()) Timer {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return time.AfterFunc(d, fire)
	}
	a := &alarm{file: os.NewFile(uintptr(fd), "timerfd")}
	a.Reset(d)
	go a.wait(fire)
	return a
}

func (a *alarm) wait(fire func()) {
	var count [8]byte
	for {
		if _, err := a.file.Read(count[:]); err != nil {
			return
		}
		if binary.NativeEndian.Uint64(count[:]) > 0 {
			fire()
		}
	}
}

// Reset implements Timer. After Stop it does nothing.
func (a *alarm) Reset(d time.Duration) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return false
	}
	raw, err := a.file.SyscallConn()
	if err != nil {
		return false
	}
	// A time of 0 would disarm it.
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(d, 1).Nanoseconds())}
	failed := raw.Control(func(fd uintptr) { err = unix.TimerfdSettime(int(fd), 0, &spec, nil) })
	return failed == nil && err == nil
}

// Stop implements Timer.
func (a *alarm) Stop() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.over {
		return false
	}
	a.over = true
	return a.file.Close() == nil
}
