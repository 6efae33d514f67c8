package registry

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// owners decides whose files a host trusts. A host that is root reads a manifest
// only if nobody but root could have written it: the file and each directory above
// it are root's and writable for root alone. A named directory may belong to the
// user who became root by sudo as well, who could run anything as root anyway. A
// host that is not root gives a plugin nothing that its user lacks, and reads all.
type owners struct {
	root bool
	sudo int // uid of who became root, 0 if nobody
}

func newOwners() owners {
	o := owners{root: os.Geteuid() == 0}
	if uid, err := strconv.Atoi(os.Getenv("SUDO_UID")); err == nil && uid > 0 {
		o.sudo = uid
	}
	return o
}

// read returns the manifest at path; warnings are about what it holds too much.
func (o owners) read(path string, named bool) (m Manifest, warnings []diag.Diagnostic, err error) {
	refuse := func(err error) error {
		return diag.New(diag.Plugin, "the plugin manifest "+path+" is refused", err.Error())
	}
	// What is checked is what is read: the path without symbolic links.
	real, err := filepath.EvalSymlinks(path)
	if err == nil {
		real, err = filepath.Abs(real)
	}
	if err == nil {
		err = o.check(real, named)
	}
	if err != nil {
		return Manifest{}, nil, refuse(err)
	}
	text, err := readFile(real)
	if err != nil {
		return Manifest{}, nil, refuse(err)
	}
	m, unknown, err := parse(text, path)
	if len(unknown) > 0 {
		warnings = append(warnings, diag.Diagnostic{Warning: true, Code: diag.Plugin,
			Summary: fmt.Sprintf("the plugin manifest %s has the unknown key %.64q", path, unknown[0]),
			Detail:  "it is ignored; a newer penstock may know it"})
	}
	if err != nil {
		return Manifest{}, warnings, refuse(fmt.Errorf("%w; install the plugin's package again", err))
	}
	return m, warnings, nil
}

// check walks from path, which has no symbolic links, up to the root.
func (o owners) check(path string, named bool) error {
	if !o.root {
		return nil
	}
	below := uint32(0) // owner of what was last looked at
	for {
		var st unix.Stat_t
		if err := unix.Lstat(path, &st); err != nil {
			return &os.PathError{Op: "stat", Path: path, Err: err}
		}
		if st.Uid != 0 && (!named || st.Uid != uint32(o.sudo) || o.sudo == 0) {
			return fmt.Errorf("%s belongs to uid %d, and root runs only what root installed: `chown root %s`, or start penstock by sudo as that user with --plugin-dir", path, st.Uid, path)
		}
		// In a sticky directory (/tmp) others cannot replace what is not theirs.
		sticky := st.Mode&unix.S_IFMT == unix.S_IFDIR && st.Mode&unix.S_ISVTX != 0 && (below == 0 || below == uint32(o.sudo))
		if st.Mode&0o022 != 0 && !sticky {
			return fmt.Errorf("%s is writable for others than its owner, and root runs only what root installed: `chmod go-w %s`", path, path)
		}
		below = st.Uid
		if path == "/" {
			return nil
		}
		path = filepath.Dir(path)
	}
}

// readFile reads a regular file of at most maxFile bytes (and one, to tell).
func readFile(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", path)
	}
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}
