package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

func privileges() []finding {
	if os.Geteuid() == 0 {
		return []finding{ok("privileges", "this is root")}
	}
	return []finding{{doubtful, "privileges", "this is not root", "connections need root: use sudo"}}
}

func tunDevice() []finding {
	f, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	switch {
	case err == nil:
		_ = f.Close()
		return []finding{ok("tun", "/dev/net/tun can be opened")}
	case errors.Is(err, os.ErrPermission) && os.Geteuid() != 0:
		return []finding{{doubtful, "tun", "/dev/net/tun can be opened by root only", "connections need root: use sudo"}}
	}
	return []finding{{broken, "tun", "/dev/net/tun cannot be opened: " + err.Error(), "load the module with `modprobe tun`; in a container, pass the device in"}}
}

// isolation is what keeps a plugin in its box.
func isolation() []finding {
	var found []finding
	for _, kind := range []string{"mnt", "net", "pid", "ipc", "uts"} {
		if _, err := os.Stat("/proc/self/ns/" + kind); err != nil {
			found = append(found, finding{broken, "sandbox", "the kernel has no " + kind + " namespaces", "plugins are not run without: use another kernel"})
		}
	}
	if abi, err := landlockABI(); err != nil {
		found = append(found, finding{doubtful, "sandbox", "landlock is not available: " + err.Error(), "add landlock to the kernel's lsm= parameter"})
	} else {
		found = append(found, ok("sandbox", "landlock is available (ABI %d)", abi))
	}
	if _, err := os.Stat("/proc/sys/kernel/seccomp/actions_avail"); err != nil {
		return append(found, finding{broken, "sandbox", "the kernel has no seccomp filters", "plugins are not run without: use another kernel"})
	}
	return append(found, ok("sandbox", "seccomp filters are available"))
}

func landlockABI() (int, error) {
	const askVersion = 1
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, askVersion)
	if errno != 0 {
		return 0, errno
	}
	return int(abi), nil
}

func (a *app) checkPlugins() []finding {
	var found []finding
	plugins, notes := a.plugins()
	for _, d := range notes {
		is := broken
		if d.Warning {
			is = doubtful
		}
		found = append(found, finding{is, "plugins", d.Summary, d.Detail})
	}
	for _, m := range plugins.All() {
		if err := m.Verify(); err != nil {
			d := diag.Of(err)
			found = append(found, finding{broken, "plugins", d.Summary, d.Detail})
			continue
		}
		found = append(found, ok("plugins", "%s %s is what was installed (%s)", m.Name, m.Version, protocolNames(m)))
	}
	if len(found) == 0 {
		return []finding{{broken, "plugins", "no plugin is installed", "install one, or name its folder with --plugin-dir"}}
	}
	return found
}

func (a *app) checkConfig() []finding {
	files, err := a.loadConfig()
	if err != nil {
		d := diag.Of(err)
		return []finding{{broken, "config", d.Summary, d.Detail}}
	}
	plugins, _ := a.plugins()
	var found []finding
	for _, name := range files.Names() {
		c, _ := files.Find(name)
		m, err := plugins.Lookup(c.Protocol())
		if err != nil {
			found = append(found, finding{doubtful, "config", "connection " + name + ": " + diag.Of(err).Summary, diag.Of(err).Detail})
			continue
		}
		_, wrong := c.Resolve(append(host.CommonOptions(), m.Options...))
		for _, d := range wrong {
			found = append(found, finding{doubtful, "config", d.Summary, d.Detail})
		}
	}
	if len(found) == 0 {
		return []finding{ok("config", "%d connections are described", len(files.Names()))}
	}
	return found
}

// scriptTools is what the bundled script runs.
func scriptTools() []finding {
	for _, name := range []string{"ip", "/usr/sbin/ip", "/sbin/ip"} { // a user's PATH may lack the latter
		if path, err := exec.LookPath(name); err == nil {
			return []finding{ok("script", "%s is there", path)}
		}
	}
	return []finding{{broken, "script", "the program ip is missing", "install iproute2, or use --script with a script that does without"}}
}

// resolver says how DNS will be set.
func resolver() []finding {
	target, _ := filepath.EvalSymlinks("/etc/resolv.conf")
	_, resolvectl := exec.LookPath("resolvectl")
	_, resolvconf := exec.LookPath("resolvconf")
	switch {
	case strings.HasPrefix(target, "/run/systemd/resolve/") && resolvectl == nil:
		return []finding{ok("dns", "systemd-resolved: split DNS works")}
	case resolvconf == nil:
		return []finding{ok("dns", "resolvconf: all names are asked inside while connected")}
	case target == "":
		return []finding{{doubtful, "dns", "/etc/resolv.conf is missing", "it will be made while connected"}}
	}
	if f, err := os.OpenFile(target, os.O_WRONLY, 0); err == nil {
		_ = f.Close()
	} else if os.Geteuid() == 0 {
		return []finding{{doubtful, "dns", target + " cannot be written: " + err.Error(), "DNS of the tunnel will not be used"}}
	}
	return []finding{ok("dns", "%s: all names are asked inside while connected", target)}
}

// leftovers are what connections left that were killed.
func (a *app) leftovers(ctx context.Context) []finding {
	running := map[string]bool{}
	for _, name := range a.running(ctx) {
		running[name] = true
	}
	var dead []string
	for _, dir := range a.controlDirs() {
		names, _ := filepath.Glob(filepath.Join(dir, "*.sock"))
		for _, path := range names {
			name := strings.TrimSuffix(filepath.Base(path), ".sock")
			if _, err := control.Query(ctx, dir, name); errors.Is(err, control.ErrNotRunning) && !running[name] {
				dead = append(dead, name)
			}
		}
	}
	if len(dead) > 0 {
		return []finding{{doubtful, "leftovers", fmt.Sprintf("killed connections left something: %s", strings.Join(dead, ", ")), "the next `penstock connect` cleans up"}}
	}
	return []finding{ok("leftovers", "nothing is left of killed connections")}
}
