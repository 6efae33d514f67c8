package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// retry is how often a lock that another start holds is tried.
const retry = 50 * time.Millisecond

// lock makes dir when it is missing and locks it until unlock is called or the
// process ends. It waits for another holder until ctx ends.
func lock(ctx context.Context, dir string) (unlock func(), err error) {
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the journal's folder: %w", err)
	}
	f, err := os.OpenFile(dir, os.O_RDONLY|syscall.O_DIRECTORY|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return nil, fmt.Errorf("open the journal's folder: %w", err)
	}
	if err := private(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { _ = f.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock %s: %w", dir, context.Cause(ctx)), f.Close())
		case <-time.After(retry):
		}
	}
}

// private refuses a folder that somebody else could fill.
func private(dir *os.File) error {
	info, err := dir.Stat()
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || int(owner.Uid) != os.Geteuid() || info.Mode().Perm()&0o022 != 0 {
		return diag.New(diag.Config, dir.Name()+" is not a safe place for the journal",
			"It must belong to the user who runs penstock, and nobody else may write there: remove it and try again.")
	}
	return nil
}
