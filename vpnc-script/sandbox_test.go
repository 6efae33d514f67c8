package vpncscript

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const sandboxed = "VPNC_SCRIPT_TEST_SANDBOX"

// inSandbox runs the calling test again as root in network and mount namespaces of
// its own; in there it returns true. There are
//
//	eth0   10.1.0.2/24 and fd01::2/64, default routes via 10.1.0.1 and fd01::1
//	tun9   a TUN device as a host opens it
//	/run   empty
//	/etc   a copy of what programs need, with its own resolv.conf
//	/fake  first in PATH: programs that stand for the system's, see fake
func inSandbox(t *testing.T) bool {
	t.Helper()
	if os.Getenv(sandboxed) != "" {
		arrange(t)
		return true
	}
	if os.Geteuid() != 0 && os.Getenv("CI") == "" {
		t.Skip("needs root")
	}
	args := []string{"-test.run=^" + t.Name() + "$", "-test.v"}
	if *update {
		args = append(args, "-update")
	}
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), sandboxed+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("%v\n%s", err, out)
	}
	return false
}

func arrange(t *testing.T) {
	t.Helper()
	must(t, syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""))
	must(t, syscall.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"))
	etc := "/run/etc"
	must(t, os.Mkdir(etc, 0o755))
	must(t, syscall.Mount("tmpfs", etc, "tmpfs", 0, "mode=755"))
	sh(t, "cd /etc; for f in passwd group ld.so.cache alternatives vpnc; do [ ! -e $f ] || cp -a $f "+etc+"; done")
	writeFile(t, etc+"/nsswitch.conf", "hosts: files dns\n")
	writeFile(t, etc+"/resolv.conf", "# made by hand\nsearch home.test\nnameserver 10.1.0.1\noptions edns0\n")
	must(t, syscall.Mount(etc, "/etc", "", syscall.MS_BIND, ""))
	must(t, syscall.Unmount(etc, syscall.MNT_DETACH))
	must(t, os.Remove(etc))
	fakes := "/run/fakes"
	must(t, os.Mkdir(fakes, 0o755))
	t.Setenv("PATH", fakes+":/usr/sbin:/usr/bin:/sbin:/bin")
	sh(t, `ip link set lo up
		ip link add eth0 type veth peer name eth1
		for l in eth0 eth1; do sysctl -qw net.ipv6.conf.$l.addr_gen_mode=1; ip link set $l up; done
		ip addr add 10.1.0.2/24 dev eth0; ip route add default via 10.1.0.1
		ip -6 addr add fd01::2/64 dev eth0 nodad; ip -6 route add default via fd01::1 dev eth0
		ip tuntap add tun9 mode tun; sysctl -qw net.ipv6.conf.tun9.addr_gen_mode=1
		ip link set tun9 up mtu 1390; ip link set tun9 down`)
	await(t, "eth0 and eth1 to be up", func() bool { return strings.Count(sh(t, "ip link"), "state UP") == 2 })
}

// await gives the kernel time: it tells of links a moment after they changed.
func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func sh(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("/bin/sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out)
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	must(t, os.WriteFile(path, []byte(text), 0o644))
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(b)
}

// fake puts a program in front of the system's, which writes down how it is called
// and what it reads; then it runs body. Calls are in /run/calls.
func fake(t *testing.T, name, body string) {
	t.Helper()
	must(t, os.WriteFile("/run/fakes/"+name, []byte("#!/bin/sh\necho \""+name+" $*\" >>/run/calls\n"+body+"\n"), 0o755))
}

// calls are the calls of fakes since it was last asked.
func calls(t *testing.T) string {
	t.Helper()
	text := readFile(t, "/run/calls")
	must(t, os.RemoveAll("/run/calls"))
	return text
}

// network is all that the script may touch, as ip(8) and cat(1) show it.
func network(t *testing.T) string {
	t.Helper()
	return sh(t, `ip addr; echo; ip route; echo; ip -6 route; echo; ip rule; ip -6 rule
		echo; ls -l --time-style=+ /etc/resolv.conf || :; cat /etc/resolv.conf || :`)
}

// tunnelled is the part of it that is a tunnel's, for golden files.
func tunnelled(t *testing.T) string {
	t.Helper()
	return sh(t, `ip -o -4 addr show dev tun9 | tr -s ' '; ip -o -6 addr show dev tun9 | tr -s ' '
		echo; ip -4 route | grep -e tun9 -e proto.223 | sort; echo; ip -6 route | grep -e tun9 -e proto.223 | sort; echo; cat /etc/resolv.conf`)
}

// bundled is an Applier with the bundled script.
func bundled(t *testing.T) *Applier {
	t.Helper()
	return New(Options{PID: 77, Logger: testLogger(t)})
}

// unchanged fails the test when the network is not as it was.
func unchanged(t *testing.T, before string) {
	t.Helper()
	if now := network(t); now != before {
		t.Errorf("left behind:\n%s", diff(t, before, now))
	}
	if left := sh(t, "find /run/penstock -type f -o -type l 2>/dev/null || :; ls -A /etc | grep penstock || :"); left != "" {
		t.Errorf("files left:\n%s", left)
	}
}

func diff(t *testing.T, a, b string) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a"), a)
	writeFile(t, filepath.Join(dir, "b"), b)
	return sh(t, "cd "+dir+"; diff -U0 a b || :")
}
