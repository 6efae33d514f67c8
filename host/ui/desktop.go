package ui

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// desktop is the person at the machine: who runs programs that are none of root's
// business, such as a browser.
type desktop struct {
	credential *syscall.Credential // nil: this process's own
	env        []string
	reachable  bool // there is a graphical session to show a window in
}

// person finds who became root, by sudo or pkexec; without root it is the user. The
// second result is false when root itself logged in.
func person() (desktop, bool) {
	if os.Geteuid() != 0 {
		return desktop{env: os.Environ(), reachable: graphical(os.Environ())}, true
	}
	for _, name := range []string{"SUDO_UID", "PKEXEC_UID"} {
		if uid, err := strconv.ParseUint(os.Getenv(name), 10, 32); err == nil && uid != 0 {
			who, err := user.LookupId(strconv.FormatUint(uid, 10))
			if err != nil {
				return desktop{}, false
			}
			d, err := become(who)
			return d, err == nil
		}
	}
	return desktop{}, false
}

// lookupUser is the user of that name.
func lookupUser(name string) (desktop, error) {
	who, err := user.Lookup(name)
	if err != nil {
		return desktop{}, fmt.Errorf("the user %.64q is not known on this machine (%w)", name, err)
	}
	return become(who)
}

func become(who *user.User) (desktop, error) {
	uid, err := strconv.ParseUint(who.Uid, 10, 32)
	if err != nil {
		return desktop{}, err
	}
	gid, err := strconv.ParseUint(who.Gid, 10, 32)
	if err != nil {
		return desktop{}, err
	}
	if uid == 0 {
		return desktop{credential: &syscall.Credential{}, env: rootEnv()}, nil
	}
	d := desktop{credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups(who)}, env: userEnv(who)}
	d.reachable = graphical(d.env)
	return d, nil
}

func groups(who *user.User) []uint32 {
	ids, err := who.GroupIds()
	if err != nil {
		return nil
	}
	var all []uint32
	for _, id := range ids {
		if n, err := strconv.ParseUint(id, 10, 32); err == nil {
			all = append(all, uint32(n))
		}
	}
	return all
}

// passed is what a user's program may have of our environment.
var passed = []string{"LANG", "LC_ALL", "LC_MESSAGES", "DISPLAY", "XAUTHORITY", "WAYLAND_DISPLAY",
	"DBUS_SESSION_BUS_ADDRESS", "XDG_CURRENT_DESKTOP", "XDG_SESSION_TYPE", "BROWSER"}

// userEnv is an environment for the user, with what leads to the graphical session.
func userEnv(who *user.User) []string {
	runtime := filepath.Join("/run/user", who.Uid)
	env := []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" + who.HomeDir, "USER=" + who.Username, "LOGNAME=" + who.Username}
	for _, name := range passed {
		if value := os.Getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	env = addFound(env, "XDG_RUNTIME_DIR", runtime, runtime)
	env = addFound(env, "DBUS_SESSION_BUS_ADDRESS", filepath.Join(runtime, "bus"), "unix:path="+filepath.Join(runtime, "bus"))
	return addFound(env, "WAYLAND_DISPLAY", filepath.Join(runtime, "wayland-0"), "wayland-0")
}

// addFound sets what sudo removed when its file is there.
func addFound(env []string, name, path, value string) []string {
	if lookup(env, name) != "" {
		return env
	}
	if _, err := os.Stat(path); err != nil {
		return env
	}
	return append(env, fmt.Sprintf("%s=%s", name, value))
}

func graphical(env []string) bool {
	return lookup(env, "DISPLAY") != "" || lookup(env, "WAYLAND_DISPLAY") != ""
}

func lookup(env []string, name string) string {
	for _, e := range env {
		if value, ok := strings.CutPrefix(e, name+"="); ok {
			return value
		}
	}
	return ""
}
