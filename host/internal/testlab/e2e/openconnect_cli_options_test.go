package e2e

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// All options at once that change how a connection to ocserv is made: both programs take
// them, and say to the gateway what they were told to. To OpenConnect --mtu is no more than
// a wish; here it is what ocserv makes of the other one.
func TestOpenconnectCLIOptions(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	said := map[string]string{}
	each(t, func(t *testing.T, b cliBinary) {
		to := filepath.Join(l.Dir, "options-"+b.name)
		c := b.start(t, l, []string{testlab.Password}, cliAlice(l, "--interface=opt0", "--mtu=1372", "--base-mtu=1400", "--disable-ipv6", "--no-dtls",
			"--dtls-ciphers=AES256-GCM-SHA384", "--force-dpd=30", "--pfs", "--no-deflate", "--compression=none", "--queue-len=20", "--reconnect-timeout=30",
			"--passtos", "--no-http-keepalive", "--useragent=scripted/1", "--version-string=v4.2", "--local-hostname=desk", "--os=win", "--no-proxy",
			"--cert-expire-warning=3", "--non-inter", "--timestamp", "--dump-http-traffic", "--script", recorder(t, l, to), "vpn.test")...)
		must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`Configured as [0-9.]+, with SSL connected and DTLS disabled`)))
		upThen(t, c, syscall.SIGINT)
		environment, err := os.ReadFile(to)
		must(t, err)
		said[b.name] = lines(regexp.MustCompile(`(?m)^VPNPID=\d+$`).ReplaceAllString(string(environment), "VPNPID=N"))
		for _, want := range []string{"User-Agent: scripted/1\n", "X-CSTP-Base-MTU: 1400\n", "X-CSTP-Hostname: desk\n", `<version who="vpn">v4.2</version>`, `<device-id>win</device-id>`} {
			if !strings.Contains(strings.ReplaceAll(c.Stdout(), "\r", ""), want) {
				t.Errorf("%q is not in\n%s", want, c.Stdout())
			}
		}
		if !regexp.MustCompile(`(?m)^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\] Configured as `).MatchString(c.Stdout()) {
			t.Errorf("no time is in\n%s", c.Stdout())
		}
		cookie := regexp.MustCompile(`webvpn=[^<;\s]{20,}`).FindString(c.Output())
		if b.name == ours().name && (strings.Contains(c.Output(), testlab.Password) || cookie != "") {
			t.Errorf("a secret is in\n%s", c.Output())
		}
	})
	if said["penstock"] != said["openconnect"] {
		t.Errorf("penstock's scripts find\n%s\nopenconnect's\n%s", said["penstock"], said["openconnect"])
	}
}

// One program prints a cookie, alone or before it connects; the other takes it.
func TestOpenconnectCLICookies(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	for _, pair := range [][2]cliBinary{{theirs(), ours()}, {ours(), theirs()}} {
		one, other := pair[0], pair[1]
		c := one.start(t, l, []string{testlab.Password}, cliAlice(l, "--cookieonly", "vpn.test")...)
		if code := end(t, c); code != 0 || strings.Count(c.Stdout(), "\n") != 1 {
			t.Fatalf("exit status %d, and it printed\n%s", code, c.Stdout())
		}
		upThen(t, other.start(t, l, nil, "--cafile", l.PKI.Cert("ca"), "--cookie", strings.TrimSuffix(c.Stdout(), "\n"), "vpn.test"), syscall.SIGINT)
		loggedOut(t, server)
		c = one.start(t, l, []string{testlab.Password}, cliAlice(l, "--printcookie", "vpn.test")...)
		must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`Configured as .*, with SSL`)))
		must(t, c.Signal(syscall.SIGHUP))
		code, cookie := end(t, c), regexp.MustCompile(`(?m)^openconnect_strapkey=\S+; webvpn=\S+$`).FindString(c.Stdout())
		if code != 0 || cookie == "" {
			t.Fatalf("exit status %d, and it printed\n%s", code, c.Stdout())
		}
		upThen(t, other.start(t, l, []string{cookie}, "--cafile", l.PKI.Cert("ca"), "--cookie-on-stdin", "vpn.test"), syscall.SIGINT)
		loggedOut(t, server)
	}
}

// A gateway that has forgotten the session ends both with the exit status 2.
func TestOpenconnectCLIForgotten(t *testing.T) {
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{DTLS: "off"})
	each(t, func(t *testing.T, b cliBinary) {
		c := b.start(t, l, []string{testlab.Password}, cliAlice(l, "vpn.test")...)
		must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`Configured as .*, with SSL`)))
		restart(t, l, server)
		if code := end(t, c); code != 2 || !strings.Contains(c.Stderr(), "Cookie was rejected by server; exiting.\n") {
			t.Errorf("exit status %d:\n%s", code, c.Output())
		}
	})
}

// Codes by a counter: each login has the next one, and the file says which that will be.
func TestOpenconnectCLICounter(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	seeds := map[string]string{}
	each(t, func(t *testing.T, b cliBinary) {
		file := kept(t, l, "counter-"+b.name, "base32:GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,7\n")
		for range 2 {
			c := b.start(t, l, nil, "--cafile", l.PKI.Cert("ca"), "--user", testlab.User, "--token-mode=hotp", "--token-secret=@"+file, "--non-inter", "vpn.test")
			if code := end(t, c); code != 1 { // a code is not alice's password
				t.Errorf("exit status %d:\n%s", code, c.Output())
			}
		}
		text, err := os.ReadFile(file)
		must(t, err)
		seeds[b.name] = strings.TrimSpace(string(text))
	})
	if seeds["penstock"] != seeds["openconnect"] {
		t.Errorf("%v", seeds)
	}
}

// Under the name openconnect the program is that, as a link in the PATH before the other one.
func TestOpenconnectCLIByName(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	links := filepath.Join(l.Dir, "links")
	must(t, os.Mkdir(links, 0o755))
	must(t, os.Symlink(penstock.Program(), filepath.Join(links, "openconnect")))
	wrapper := executable(t, l, "wrapper", `#!/bin/sh
PATH=`+links+`:$PATH
openconnect --version | grep -q Penstock && echo secret1 | exec openconnect --cafile "$1" -u alice --passwd-on-stdin -b --pid-file "$PWD/pid" vpn.test
`)
	c, err := l.Launch(testlab.Argv([]string{wrapper, l.PKI.Cert("ca")}), testlab.Spec{Env: env()})
	must(t, err)
	if code := end(t, c); code != 0 || !strings.Contains(c.Stdout(), "Continuing in background; pid ") {
		t.Fatalf("exit status %d:\n%s", code, c.Output())
	}
	reaches(t, l, testlab.InsideV4)
	stopDaemon(t, l, filepath.Join(l.Client.Dir, "pid"))
}

// Once connected, all that is said goes to the system's log.
func TestOpenconnectCLISyslog(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	log, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: l.Client.Path("/run/syslog"), Net: "unixgram"})
	must(t, err)
	defer log.Close() //nolint:errcheck // of the test
	c := ours().start(t, l, []string{testlab.Password}, cliAlice(l, "--syslog", "vpn.test")...)
	upThen(t, c, syscall.SIGINT)
	must(t, log.SetReadDeadline(time.Now().Add(10*time.Second)))
	for line := ""; !regexp.MustCompile(`openconnect\[\d+\]: User cancelled \(SIGINT/SIGTERM\); exiting\.\n$`).MatchString(line); {
		b := make([]byte, 4096)
		n, err := log.Read(b)
		must(t, err)
		line = string(b[:n])
	}
	if strings.Contains(c.Output(), "User cancelled") {
		t.Errorf("it is told here too:\n%s", c.Output())
	}
}

// A program of the user's for the host check gets the same words, but for what would be
// the session in its hands, and the version that is told to a gateway that asks for none.
func TestOpenconnectCLIWrapper(t *testing.T) {
	t.Parallel()
	l, g := gpGate(t, gpgate.Config{HIP: gpgate.HIP{Wanted: true, Enforce: true}})
	script := executable(t, l, "hip", `#!/bin/sh
{ for a; do echo "$a" | sed -E 's/^authcookie=[0-9a-f]*&//; s/^[0-9a-f]{16,}/HEX/; s/%3a/%3A/g'; done; id -un; } >"$0.said"
while [ "$1" ]; do
	case "$1" in --md5) md5=$2;; esac
	shift
done
echo "<hip-report name=\"hip-report\"><md5-sum>$md5</md5-sum><user-name>alice</user-name></hip-report>"
`)
	must(t, os.WriteFile(script+".said", nil, 0o666))
	must(t, os.Chmod(script+".said", 0o666))
	said := map[string]string{}
	each(t, func(t *testing.T, b cliBinary) {
		c := b.start(t, l, []string{testlab.Password}, cliAlice(l, "--protocol=gp", "--usergroup=gateway", "--csd-user=daemon", "--csd-wrapper", script, "vpn.test")...)
		_, err := g.Await(within(t, 20*time.Second), gpgate.Report, len(said)+1)
		must(t, err)
		upThen(t, c, syscall.SIGINT)
		text, err := os.ReadFile(script + ".said")
		must(t, err)
		said[b.name] = string(text)
	})
	if said["penstock"] != said["openconnect"] || !strings.Contains(said["openconnect"], "--md5\n") || !strings.HasSuffix(said["openconnect"], "\ndaemon\n") {
		t.Errorf("penstock's wrapper is told\n%s\nopenconnect's\n%s", said["penstock"], said["openconnect"])
	}
}
