package e2e

import (
	"bytes"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	socksproxy "golang.org/x/net/proxy"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// pinger is a program for --script-tun: it pings the inside by packets that it makes
// itself, and says what it finds in its environment.
const pinger = `#!/usr/bin/python3
import os, socket, struct
s = socket.socket(fileno=int(os.environ["VPNFD"]))
assert s.type == socket.SOCK_DGRAM and "reason" not in os.environ
def checksum(b):
    total = sum(struct.unpack("!%dH" % (len(b) // 2), b))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack("!H", ~total & 0xffff)
echo = b"\x08\x00\x00\x00\x00\x07\x00\x01payload!"
echo = echo[:2] + checksum(echo) + echo[4:]
me, inside = (socket.inet_aton(a) for a in (os.environ["INTERNAL_IP4_ADDRESS"], "10.99.0.1"))
ip = b"\x45\x00" + struct.pack("!H", 20 + len(echo)) + b"\x00\x01\x40\x00\x40\x01\x00\x00" + me + inside
ip = ip[:10] + checksum(ip) + ip[12:]
s.send(ip + echo)
while True:
    p = s.recv(65536)
    if p[9:10] == b"\x01" and p[12:16] == inside and p[20:21] == b"\x00":
        break
names = sorted(n for n in os.environ if n.startswith(("INTERNAL_", "CISCO_", "VPN")))
print("answered", *names, flush=True)
while s.recv(65536):
    pass
`

// A program takes the place of the TUN device; the machine's network stays as it is.
func TestOpenconnectCLIScriptTun(t *testing.T) {
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	script := executable(t, l, "pinger", pinger)
	said := map[string]string{}
	each(t, func(t *testing.T, b cliBinary) {
		before := snapshot(t, l)
		c := b.start(t, l, []string{testlab.Password}, cliAlice(l, "--script-tun", "--script", script, "vpn.test")...)
		must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`(?m)^answered .*$`)))
		said[b.name] = regexp.MustCompile(`(?m)^answered .*$`).FindString(c.Stdout())
		if left := before.Diff(snapshot(t, l)); len(outside(left)) > 0 {
			t.Errorf("the machine's network has changed:\n%s", strings.Join(left, "\n"))
		}
		upThen(t, c, syscall.SIGINT)
		must(t, testlab.Await(within(t, 5*time.Second), "the program to end", func() bool { return !runs(l, script) }))
		loggedOut(t, server)
	})
	if said["penstock"] != said["openconnect"] {
		t.Errorf("the program finds\n%s\nand with openconnect\n%s", said["penstock"], said["openconnect"])
	}
}

// outside leaves what `ip` tells: a running connection has processes, files and sockets.
func outside(diff []string) []string {
	var kept []string
	for _, line := range diff {
		if strings.HasPrefix(line[1:], " ip ") {
			kept = append(kept, line)
		}
	}
	return kept
}

func runs(l *testlab.Lab, program string) bool {
	for _, p := range l.Client.Programs() {
		if strings.Contains(p.Command, program) && strings.Contains(p.Command, "python") {
			return true
		}
	}
	return false
}

// The end of the program is the end of the connection.
func TestOpenconnectCLIScriptTunEnds(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	c := ours().start(t, l, []string{testlab.Password}, cliAlice(l, "-S", "-s", "sleep 1; exit 3", "vpn.test")...)
	if code := end(t, c); code != 1 || !strings.Contains(c.Stderr(), "Client connection terminated; exiting\n") {
		t.Errorf("exit status %d:\n%s", code, c.Output())
	}
	_ = server
}

// Whoever has no rights at all logs in, and has a tunnel by --script-tun.
func TestScriptTunWithoutRoot(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	script := executable(t, l, "pinger", pinger)
	as := []string{"setpriv", "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(nobody), "--clear-groups"}
	home := filepath.Join(l.Dir, "nobody")
	must(t, os.Mkdir(home, 0o700))
	must(t, os.Chown(home, nobody, nobody))
	own := []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + home, "TMPDIR=" + home}
	mine := cliBinary{"penstock", slices.Concat(as, ours().argv), own}
	v := mine.authenticate(t, l, "vpn.test")
	upThen(t, mine.goOn(t, l, v, "-S", "-s", script), syscall.SIGHUP)
	root := cliBinary{"penstock", ours().argv, own}
	c := root.goOn(t, l, v, "-S", "-s", "grep ^Uid /proc/self/status; exec "+script, "-U", strconv.Itoa(nobody))
	must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`(?s)Uid:\s+65534\s+65534.*answered`)))
	upThen(t, c, syscall.SIGHUP)
	args := slices.Concat(as, []string{penstock.Program(), "connect", "--protocol=anyconnect", "--plugin-dir", penstock.Plugins(), "--cafile", l.PKI.Cert("ca"),
		"--username", testlab.User, "--password-stdin", "--script-tun", "--script", script, "vpn.test"})
	c, err := l.Launch(testlab.Argv(args), testlab.Spec{Answers: []string{testlab.Password}, Env: own})
	must(t, err)
	must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`(?m)^answered .*$`)))
	disconnect(t, c)
}

// ocproxy was written for OpenConnect: a SOCKS server over a TCP/IP of its own.
func TestOcproxy(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	echo, err := l.Listen(7)
	must(t, err)
	defer echo.Close() //nolint:errcheck // of the test
	go func() {
		for {
			c, err := echo.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(c, c)
				_ = c.Close()
			}()
		}
	}()
	each(t, func(t *testing.T, b cliBinary) {
		c := b.start(t, l, []string{testlab.Password}, cliAlice(l, "-S", "-s", "ocproxy -D 11080", "vpn.test")...)
		must(t, testlab.Await(within(t, 20*time.Second), "ocproxy to listen", func() bool { return l.Client.Listens(11080) }))
		conn := throughProxy(t, l, "127.0.0.1:11080", testlab.InsideV4+":7")
		defer conn.Close() //nolint:errcheck // of the test
		sent := bytes.Repeat([]byte("through the tunnel "), 50_000)
		go func() { _, _ = conn.Write(sent) }()
		got := make([]byte, len(sent))
		must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		if n, err := io.ReadFull(conn, got); err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d of %d bytes came back: %v", n, len(sent), err)
		}
		upThen(t, c, syscall.SIGTERM)
		must(t, testlab.Await(within(t, 5*time.Second), "ocproxy to end", func() bool { return !l.Client.Listens(11080) }))
	})
}

// throughProxy connects on the client to a SOCKS server there, and through it to target.
func throughProxy(t *testing.T, l *testlab.Lab, server, target string) (conn net.Conn) {
	t.Helper()
	must(t, l.Client.Do(func() (err error) {
		conn, err = net.DialTimeout("tcp", server, 5*time.Second)
		return err
	}))
	socks, err := socksproxy.SOCKS5("tcp", server, nil, made{conn})
	must(t, err)
	inner, err := socks.Dial("tcp", target)
	must(t, err)
	return inner
}

// made is a dialer that has dialled already.
type made struct{ conn net.Conn }

func (m made) Dial(string, string) (net.Conn, error) { return m.conn, nil }
