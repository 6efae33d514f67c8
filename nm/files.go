package nm

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// maxFile bounds a certificate or key file, in bytes.
const maxFile = 1 << 20

// readFiles reads the files that a private connection names, with the rights of its
// user: root's would let everybody read everything through a VPN connection. The
// host then finds what was read in memory. done gives that back.
func (r *request) readFiles(p *host.Profile) (done func(), err error) {
	var held []*os.File
	done = func() {
		for _, f := range held {
			_ = f.Close()
		}
	}
	if r.owner == "" || r.owner == "root" {
		return done, nil
	}
	for _, o := range host.CommonOptions() {
		path := p.Options[o.Key]
		if o.Type != option.File || path == "" || strings.HasPrefix(path, "pkcs11:") {
			continue
		}
		f, err := r.hold(path)
		if err != nil {
			done()
			return nil, diag.New(diag.Config, "the file "+path+" cannot be read: "+err.Error(),
				fmt.Sprintf("The connection belongs to %s alone, who must be allowed to read it.", r.owner)).With(o.Key)
		}
		held = append(held, f)
		p.Options[o.Key] = fmt.Sprintf("/proc/self/fd/%d", f.Fd())
	}
	return done, nil
}

// hold copies what the user may read into memory.
func (r *request) hold(path string) (*os.File, error) {
	data, err := ui.ReadAs(r.owner, path, maxFile)
	if err != nil {
		if pathError, ok := errors.AsType[*os.PathError](err); ok {
			err = pathError.Err
		}
		return nil, err
	}
	fd, err := unix.MemfdCreate("penstock-file", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), path)
	if _, err := f.Write(data); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// asUser is who runs the programs that the connection names, never root by accident.
func (r *request) asUser() string {
	switch {
	case r.owner != "":
		return r.owner
	case r.user != "":
		return r.user
	}
	return "nobody"
}
