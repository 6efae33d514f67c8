package plugin

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/peercred"
)

// dialBeneath connects to the socket name in dir, which the plugin fills: no link may
// lead out of it, and the process behind the socket must be the plugin's own.
func dialBeneath(ctx context.Context, dir *os.File, name string, pid, uid int) (net.Conn, error) {
	var fd int
	err := control(dir, func(beneath int) (err error) {
		fd, err = unix.Openat2(beneath, name, &unix.OpenHow{
			Flags:   unix.O_PATH | unix.O_CLOEXEC,
			Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("its socket %.64q: %w", name, err)
	}
	defer unix.Close(fd)
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", fmt.Sprintf("/proc/self/fd/%d", fd))
	if err != nil {
		return nil, fmt.Errorf("its socket %.64q: %w", name, err)
	}
	if err := checkPeer(c.(*net.UnixConn), pid, uid); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// checkPeer asks the kernel who listens.
func checkPeer(c *net.UnixConn, pid, uid int) error {
	who, err := peercred.Of(c)
	if err != nil {
		return err
	}
	if int(who.Pid) != pid || int(who.Uid) != uid {
		return fmt.Errorf("behind its socket is process %d of uid %d, not the plugin (%d, %d)", who.Pid, who.Uid, pid, uid)
	}
	return nil
}

// control runs act with f's descriptor, which stays open meanwhile.
func control(f *os.File, act func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var acted error
	err = raw.Control(func(fd uintptr) { acted = act(int(fd)) })
	return errors.Join(err, acted)
}
