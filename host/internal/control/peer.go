package control

import (
	"context"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/peercred"
)

// exitPatience is what a host process has between the end of its socket and its own.
const exitPatience = 5 * time.Second

// process is a host process whose end is waited for; -1 is none.
type process struct{ pidfd int }

// processOf is the server's process, unless that is this one.
func processOf(c *net.UnixConn) process {
	cred, err := peercred.Of(c)
	if err != nil || int(cred.Pid) == os.Getpid() {
		return process{-1}
	}
	fd, err := unix.PidfdOpen(int(cred.Pid), 0)
	if err != nil {
		return process{-1} // it has ended, or is out of our sight
	}
	return process{fd}
}

// wait returns when the process has ended, or after a while.
func (p process) wait(ctx context.Context) error {
	const step = 100 // milliseconds between looks at ctx
	for deadline := time.Now().Add(exitPatience); p.pidfd >= 0 && time.Now().Before(deadline); {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.pidfd), Events: unix.POLLIN}}, step)
		if n > 0 || err != nil && err != unix.EINTR {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

func (p process) close() {
	if p.pidfd >= 0 {
		_ = unix.Close(p.pidfd)
	}
}
