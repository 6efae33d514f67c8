package ui

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// ReadAs reads a file of at most limit bytes with the rights of the named user and
// none of root's: for a path that this user chose. Only a regular file is read, and
// none that the path reaches through what this process has open. Needs root.
func ReadAs(user, path string, limit int) ([]byte, error) {
	who, err := lookupUser(user)
	if err != nil {
		return nil, err
	}
	if !filepath.IsAbs(path) {
		return nil, fmt.Errorf("%q is no absolute path", path)
	}
	var data []byte
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
		if err = takeRights(who.credential); err == nil {
			data, err = readRegular(path, limit)
		}
	}()
	<-done
	if err != nil {
		return nil, &os.PathError{Op: "read as the user " + user, Path: path, Err: err}
	}
	return data, nil
}

// takeRights makes the calling thread, and it alone, open files as c. Its real and
// effective user stay root's, so that the user can send it no signals; capabilities,
// which would open root's files to anybody, go.
func takeRights(c *syscall.Credential) error {
	if c.Uid == 0 {
		return nil
	}
	groups := make([]int, len(c.Groups))
	for i, g := range c.Groups {
		groups[i] = int(g)
	}
	if err := unix.Setgroups(groups); err != nil {
		return err
	}
	_, gidErr := unix.SetfsgidRetGid(int(c.Gid))
	_, uidErr := unix.SetfsuidRetUid(int(c.Uid))
	if err := errors.Join(gidErr, uidErr); err != nil {
		return err
	}
	none := [2]unix.CapUserData{} // the structure of version 3 comes twice
	if err := unix.Capset(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &none[0]); err != nil {
		return err
	}
	// The calls that set them return what was set before, and no error.
	gid, _ := unix.SetfsgidRetGid(-1)
	uid, _ := unix.SetfsuidRetUid(-1)
	if gid != int(c.Gid) || uid != int(c.Uid) {
		return errors.New("the kernel does not grant it the user's rights")
	}
	return nil
}

func readRegular(path string, limit int) ([]byte, error) {
	fd, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_CLOEXEC | unix.O_NONBLOCK | unix.O_NOCTTY, // a pipe must not hold us
		Resolve: unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	defer f.Close() //nolint:errcheck // nothing was written
	info, err := f.Stat()
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("it is no regular file")
	case info.Size() > int64(limit):
		return nil, fmt.Errorf("it is larger than %d bytes", limit)
	}
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1)) // it may grow
	if err == nil && len(data) > limit {
		return nil, fmt.Errorf("it is larger than %d bytes", limit)
	}
	return data, err
}
