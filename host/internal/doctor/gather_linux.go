package doctor

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host/internal/journal"
)

// Gather asks the machine what it is like. dir is where connections keep their state;
// devices are those of connections that are up.
func Gather(dir string, devices []string) Facts {
	f := Facts{Root: os.Geteuid() == 0, Capabilities: capabilities(), State: stateDir(dir), Kernel: release(), TUN: tunFacts(), Seccomp: exists("/proc/sys/kernel/seccomp/actions_avail"), UDP: udpFacts(), Script: findIP(), NM: networkManagerFacts(), Names: nameFacts(), Foreign: foreign(devices), Clock: clockFacts()}
	for _, kind := range []string{"mnt", "net", "pid", "ipc", "uts"} {
		if !exists("/proc/self/ns/" + kind) {
			f.Namespaces = append(f.Namespaces, kind)
		}
	}
	f.Landlock = landlockFacts()
	if fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_GRE); err != nil {
		f.Raw = err.Error()
	} else {
		_ = unix.Close(fd)
	}
	for _, name := range []string{"http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"} {
		if os.Getenv(name) != "" {
			f.Proxies = append(f.Proxies, name)
		}
	}
	f.Left, _ = journal.Look(dir) // a pattern without a fault
	return f
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func capabilities() uint64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			bits, _ := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			return bits
		}
	}
	return 0
}

func stateDir(dir string) State {
	s := State{Dir: dir}
	info, err := os.Lstat(dir)
	if errors.Is(err, os.ErrNotExist) {
		if err := unix.Access(filepath.Dir(dir), unix.W_OK); err != nil && os.Geteuid() == 0 {
			s.Wrong = "it is missing, and " + filepath.Dir(dir) + ": " + err.Error()
		}
		return s
	}
	if err != nil {
		s.Wrong = err.Error()
		return s
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		s.Wrong = "it is no folder"
	case !ok || int(owner.Uid) != os.Geteuid() && owner.Uid != 0:
		s.Wrong = "it belongs to another user"
	case info.Mode().Perm()&0o022 != 0:
		s.Wrong = fmt.Sprintf("others can write it (mode %o)", info.Mode().Perm())
	}
	return s
}

func release() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return ""
	}
	return unix.ByteSliceToString(u.Release[:])
}

func tunFacts() TUN {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return TUN{Wrong: err.Error(), Forbidden: errors.Is(err, os.ErrPermission)}
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was done with it
	features, err := unix.IoctlGetUint32(fd, unix.TUNGETFEATURES)
	if err != nil {
		return TUN{Wrong: err.Error()}
	}
	return TUN{Offload: features&unix.IFF_VNET_HDR != 0}
}

func landlockFacts() Landlock {
	const askVersion = 1
	abi, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, askVersion)
	if errno != 0 {
		return Landlock{Wrong: errno.Error()}
	}
	return Landlock{ABI: int(abi)}
}

func udpFacts() UDP {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return UDP{}
	}
	defer unix.Close(fd) //nolint:errcheck // nothing was sent
	return UDP{
		Segment: unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_SEGMENT, 1200) == nil,
		Receive: unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1) == nil,
	}
}

// findIP finds what the bundled script runs; a user's PATH may lack the places.
func findIP() string {
	for _, name := range []string{"ip", "/usr/sbin/ip", "/sbin/ip"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func clockFacts() Clock {
	c := Clock{Now: time.Now()}
	if self, err := os.Executable(); err == nil {
		if info, err := os.Stat(self); err == nil {
			c.Built = info.ModTime()
		}
	}
	var t unix.Timex
	const unsynchronised = 5 // TIME_ERROR
	word, err := unix.Adjtimex(&t)
	c.Synchronised = err == nil && word != unsynchronised && t.Status&unix.STA_UNSYNC == 0
	return c
}

// networkManagerFacts reads files, and asks nmcli.
func networkManagerFacts() NetworkManager {
	n := NetworkManager{}
	out, err := answer("nmcli", "-t", "-f", "RUNNING,VERSION", "general")
	n.Installed = !errors.Is(err, exec.ErrNotFound)
	running, version, _ := strings.Cut(strings.TrimSpace(out), ":")
	n.Running, n.Version = running == "running", version
	n.NameFile = first("/etc/NetworkManager/VPN/nm-penstock-service.name", "/usr/lib/NetworkManager/VPN/nm-penstock-service.name")
	n.Policy = first("/etc/dbus-1/system.d/nm-penstock-service.conf", "/usr/share/dbus-1/system.d/nm-penstock-service.conf")
	if n.NameFile == "" {
		return n
	}
	for _, line := range lines(n.NameFile) {
		key, value, _ := strings.Cut(line, "=")
		switch strings.TrimSpace(key) {
		case "service":
			n.Service = strings.TrimSpace(value) == "org.freedesktop.NetworkManager.penstock"
		case "program":
			n.Program = strings.TrimSpace(value)
		}
	}
	if _, err := exec.LookPath(n.Program); err != nil || !filepath.IsAbs(n.Program) {
		n.Missing = "it is no program"
	}
	return n
}

func first(paths ...string) string {
	for _, p := range paths {
		if exists(p) {
			return p
		}
	}
	return ""
}

// lines are those of a small file; a missing one has none.
func lines(path string) []string {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close() //nolint:errcheck // only read
	var all []string
	for s := bufio.NewScanner(f); s.Scan() && len(all) < 1000; {
		all = append(all, s.Text())
	}
	return all
}

// answer runs a program that tells something, for two seconds at most.
func answer(name string, args ...string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"}
	timer := time.AfterFunc(2*time.Second, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	out, err := cmd.Output()
	return string(out), err
}

const resolvConf = "/etc/resolv.conf"

// nameFacts looks where the bundled script does.
func nameFacts() Names {
	n := Names{}
	n.File, _ = filepath.EvalSymlinks(resolvConf)
	_, err := answer("resolvectl", "status")
	n.Resolvectl = err == nil
	text := lines(resolvConf)
	n.Stub = strings.HasPrefix(n.File, "/run/systemd/resolve/") || slices.ContainsFunc(text, isStub) ||
		slices.ContainsFunc(lines("/etc/nsswitch.conf"), asksResolved)
	if path, err := exec.LookPath("resolvconf"); err == nil {
		if real, _ := filepath.EvalSymlinks(path); filepath.Base(real) != "resolvectl" {
			n.Resolvconf = path
		}
	}
	if err := unix.Access(filepath.Dir(resolvConf), unix.W_OK); err != nil {
		n.Unwritable = err.Error()
	}
	n.Ours = len(text) > 0 && strings.HasPrefix(text[0], "# penstock ")
	return n
}

func isStub(line string) bool {
	f := strings.Fields(line)
	return len(f) == 2 && f[0] == "nameserver" && (f[1] == "127.0.0.53" || f[1] == "127.0.0.54")
}

func asksResolved(line string) bool {
	return strings.HasPrefix(line, "hosts:") && slices.Contains(strings.Fields(line), "resolve")
}
