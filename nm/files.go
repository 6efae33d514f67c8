package nm

import (
	"errors"
	"fmt"
	"net/url"
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
		if o.Type != option.File || path == "" {
			continue
		}
		if strings.HasPrefix(path, "pkcs11:") {
			if err := harmless(path); err != nil {
				done()
				return nil, diag.Of(err).With(o.Key)
			}
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

// harmless refuses what makes this process load a library or read a file (RFC 7512,
// 2.4): here that would be with root's rights.
func harmless(uri string) error {
	_, query, _ := strings.Cut(uri, "?")
	for _, attribute := range strings.Split(query, "&") {
		name, _, _ := strings.Cut(attribute, "=")
		if plain, err := url.PathUnescape(name); err != nil || plain == "module-path" || plain == "module-name" || plain == "pin-source" {
			return diag.New(diag.Config, "the token's URI may not have "+ui.Line(name)+" in a connection of one user alone",
				"Leave it out; the system's modules are found without it, and the PIN is asked for.")
		}
	}
	return nil
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
