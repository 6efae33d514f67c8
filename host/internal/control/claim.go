package control

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// claimEvery is how often a name that is taken is tried again.
const claimEvery = 20 * time.Millisecond

// claim takes the name by a lock file that the kernel lets go of when the process
// ends, however it ends: who has the lock may remove the socket of a dead one. It
// waits with patience for a connection that is just ending.
func claim(ctx context.Context, dir, name string, patience time.Duration) (*os.File, error) {
	path, end := filepath.Join(dir, name+".lock"), time.Now().Add(patience)
	for {
		lock, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
		if err != nil {
			return nil, fmt.Errorf("claim the connection's name: %w", err)
		}
		switch held, err := tryLock(lock, path); {
		case err == nil && held:
			return lock, nil
		case errors.Is(err, unix.EWOULDBLOCK) && time.Now().Before(end) && ctx.Err() == nil:
			wait(ctx, claimEvery)
		case errors.Is(err, unix.EWOULDBLOCK):
			_ = lock.Close()
			return nil, diag.New(diag.Config, "the connection "+name+" is already running",
				"see `penstock status`; end it with `penstock disconnect "+name+"`, or give this one another name with --name")
		case err != nil:
			_ = lock.Close()
			return nil, fmt.Errorf("claim the connection's name: %w", err)
		}
		_ = lock.Close() // its owner removed it between open and lock, or has it still
	}
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// tryLock locks and says whether the locked file is still the one at path.
func tryLock(lock *os.File, path string) (bool, error) {
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, err
	}
	ours, err := lock.Stat()
	if err != nil {
		return false, err
	}
	there, err := os.Lstat(path)
	return err == nil && os.SameFile(ours, there), nil
}
