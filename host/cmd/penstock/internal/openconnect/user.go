package openconnect

import (
	"os"
	"os/user"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// account is a user of this system.
type account struct {
	name     string
	uid, gid int
	home     string
}

// lookUp finds a user by number or by name.
func lookUp(v string) (*account, error) {
	u, err := user.LookupId(v)
	kind := "user ID"
	if _, numeric := strconv.Atoi(v); numeric != nil {
		u, err = user.Lookup(v)
		kind = "user"
	}
	if err != nil {
		return nil, failed("Invalid %s \"%s\": there is none", kind, v)
	}
	a := &account{name: u.Username, home: u.HomeDir}
	a.uid, _ = strconv.Atoi(u.Uid)
	a.gid, _ = strconv.Atoi(u.Gid)
	return a, nil
}

// become makes this process the user's, for good.
func (a *account) become() error {
	err := syscall.Setgroups([]int{a.gid})
	if err == nil {
		err = syscall.Setgid(a.gid)
	}
	if err == nil {
		err = syscall.Setuid(a.uid)
	}
	if err == nil {
		err = unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) // or else no plugin's user namespace can be set up
	}
	for name, value := range map[string]string{"HOME": a.home, "USER": a.name, "LOGNAME": a.name} {
		_ = os.Setenv(name, value)
	}
	_ = os.Unsetenv("XDG_RUNTIME_DIR") // another's
	return err
}

// setUser takes the user that this process is, and otherwise leaves the change to run.
func setUser(r *Request, v string) error {
	a, err := lookUp(v)
	if err != nil {
		return err
	}
	r.setuid = nil
	if a.uid != os.Getuid() {
		r.setuid = a
	}
	return nil
}

func setCSDUser(r *Request, v string) error {
	a, err := lookUp(v)
	if err != nil {
		return err
	}
	r.csdUser = a.name
	return nil
}
