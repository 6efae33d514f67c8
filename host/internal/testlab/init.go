package testlab

import (
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
)

const (
	initName  = "penstock-testlab-init"
	initReady = "ready\n"
)

// Init turns the process into the first process of a machine when it was started
// as one, and then never returns. Every program that builds labs calls it first
// thing in main or TestMain.
func Init() {
	if len(os.Args) != 1 || os.Args[0] != initName {
		return
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGCHLD)
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		fmt.Fprintln(os.Stderr, "mount /proc:", err)
		os.Exit(1)
	}
	fmt.Print(initReady)
	for range ended {
		reap()
	}
}

// reap collects the orphans that have ended.
func reap() {
	for {
		if pid, err := unix.Wait4(-1, nil, unix.WNOHANG, nil); pid <= 0 && err != unix.EINTR {
			return
		}
	}
}
