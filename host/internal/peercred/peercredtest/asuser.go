// Package peercredtest lets a test be another user for a moment.
package peercredtest

import (
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// AsUser runs f on a thread that is another user's, and ends the thread. The test must
// be root's.
func AsUser(t *testing.T, uid int, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		keep := ^uintptr(0)
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, keep, uintptr(uid), keep); errno != 0 {
			done <- errno
			return
		}
		done <- f()
	}()
	return <-done
}
