package sandbox

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

const seals = unix.F_SEAL_SEAL | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_WRITE

// Seal returns an anonymous file in memory that holds what write wrote and that
// nobody can change any more. It may be executed, but not read by a program that runs
// it under another uid, which makes the kernel keep that program's memory from
// core dumps and from others of its uid.
func Seal(name string, write func(*os.File) error) (*os.File, error) {
	fd, err := unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING|unix.MFD_EXEC)
	if errors.Is(err, unix.EINVAL) { // before Linux 6.3 every such file may be executed
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	if err != nil {
		return nil, fmt.Errorf("memfd_create: %w", err)
	}
	f := os.NewFile(uintptr(fd), name)
	if err := write(f); err != nil {
		f.Close()
		return nil, err
	}
	if err := unix.Fchmod(fd, 0o111); err != nil {
		f.Close()
		return nil, fmt.Errorf("fchmod: %w", err)
	}
	if err := addSeals(fd); err != nil {
		f.Close()
		return nil, fmt.Errorf("sealing: %w", err)
	}
	if _, err := f.Seek(0, 0); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// addSeals tries again while the kernel itself holds on to pages of the file, as its
// scans of memory do: it gives up by EBUSY after a tenth of a second or two.
func addSeals(fd int) (err error) {
	for range 10 {
		if _, err = unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); !errors.Is(err, unix.EBUSY) {
			break
		}
	}
	return err
}
