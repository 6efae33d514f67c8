package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// system is what a script's interpreter or a dynamic binary finds of the system,
// read-only. A static binary finds nothing at all.
var system = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives"}

// devices that every program finds.
var devices = []string{"/dev/null", "/dev/zero", "/dev/urandom"}

// base is where the new root is put together, over whatever is there.
const base = "/tmp"

// enterView makes the program's root: an empty tmpfs, read-only, with RuntimeDir as a
// tmpfs of its own whose descriptor it returns. No /proc and no /sys.
func (p plan) enterView() (runtimeDir int, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return -1, fmt.Errorf("making mounts private: %w", err)
	}
	if err := unix.Mount("penstock", base, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0755"); err != nil {
		return -1, fmt.Errorf("mounting the root: %w", err)
	}
	if err := p.fill(); err != nil {
		return -1, err
	}
	if runtimeDir, err = mountRuntimeDir(p.UID); err != nil {
		return -1, err
	}
	if err := unix.Mount("", base, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV, ""); err != nil {
		return -1, fmt.Errorf("making the root read-only: %w", err)
	}
	// The new root goes over the old one, which is then let go.
	if err := unix.Chdir(base); err != nil {
		return -1, err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return -1, fmt.Errorf("pivot_root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return -1, fmt.Errorf("leaving the old root: %w", err)
	}
	return runtimeDir, unix.Chdir("/")
}

func (p plan) fill() error {
	binds := devices
	if p.System {
		binds = append(binds, system...)
	}
	for _, path := range binds {
		if err := bind(path); err != nil {
			return err
		}
	}
	if p.Script == "" {
		return nil
	}
	copied := filepath.Join(base, p.Script)
	if err := os.MkdirAll(filepath.Dir(copied), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(copied, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o444)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, io.NewSectionReader(os.NewFile(imageFD, "image"), 0, 1<<62))
	return errors.Join(err, f.Close())
}

// bind shows path of the system in the new root: a link as a link, the rest read-only.
func bind(path string) error {
	st, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	target := filepath.Join(base, path)
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	switch {
	case st.Mode()&fs.ModeSymlink != 0:
		link, err := os.Readlink(path)
		if err != nil {
			return err
		}
		return os.Symlink(link, target)
	case st.IsDir():
		err = os.Mkdir(target, 0o755)
	default:
		err = os.WriteFile(target, nil, 0o444)
	}
	if err != nil {
		return err
	}
	if err := unix.Mount(path, target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("binding %s: %w", path, err)
	}
	flags := uint(unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID)
	if st.Mode()&fs.ModeDevice == 0 {
		flags |= unix.MOUNT_ATTR_NODEV
	}
	if err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: uint64(flags)}); err != nil {
		return fmt.Errorf("making %s read-only: %w (Linux 5.12 or newer is needed)", path, err)
	}
	return nil
}

// mountRuntimeDir mounts the one place where the program may write.
func mountRuntimeDir(uid int) (fd int, err error) {
	target := filepath.Join(base, RuntimeDir)
	if err := os.MkdirAll(target, 0o755); err != nil {
		return -1, err
	}
	options := fmt.Sprintf("mode=0700,size=%d,nr_inodes=%d", runtimeSize, runtimeFiles)
	if uid != 0 {
		options += fmt.Sprintf(",uid=%d,gid=%d", uid, uid)
	}
	if err := unix.Mount("penstock", target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, options); err != nil {
		return -1, fmt.Errorf("mounting %s: %w", RuntimeDir, err)
	}
	fd, err = unix.Open(target, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening %s: %w", RuntimeDir, err)
	}
	return fd, nil
}
