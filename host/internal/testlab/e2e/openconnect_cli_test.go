package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
	"github.com/penstock-vpn/penstock/host/internal/testlab/gpgate"
)

// A login by one program, the tunnel by the other, both ways; SIGHUP leaves the session
// for the next, SIGINT ends it.
func TestOpenconnectCLISession(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	var first map[string]string
	for _, b := range []cliBinary{theirs(), ours()} {
		other := ours()
		if b.name == other.name {
			other = theirs()
		}
		v := b.authenticate(t, l, "vpn.test")
		if !regexp.MustCompile(`^openconnect_strapkey=[A-Za-z0-9+/=]+; webvpn=\S+$`).MatchString(v["COOKIE"]) {
			t.Errorf("%s: COOKIE is %q", b.name, v["COOKIE"])
		}
		if first == nil {
			first = v
		}
		sameButCookie(t, first, v)
		upThen(t, other.goOn(t, l, v), syscall.SIGHUP)
		if sessions, err := server.Sessions(); err != nil || len(sessions) != 1 {
			t.Errorf("after SIGHUP to %s the gateway has the sessions %q, %v", other.name, sessions, err)
		}
		upThen(t, b.goOn(t, l, v), syscall.SIGTERM)
		loggedOut(t, server)
	}
	v6 := "https://v6.vpn.test/"
	sameButCookie(t, theirs().authenticate(t, l, v6), ours().authenticate(t, l, v6))
	if left := before.Diff(snapshot(t, l)); len(left) > len(debians) {
		t.Errorf("left behind:\n%s", strings.Join(left, "\n"))
	}
}

// Wrappers in a shell: what the variables are good for, `eval` first of all.
func TestOpenconnectCLIEval(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	each(t, func(t *testing.T, b cliBinary) {
		wrapper := executable(t, l, "wrapper", `#!/bin/sh
ca=$1; shift
eval "$(echo secret1 | "$@" --authenticate --cafile "$ca" --user alice --passwd-on-stdin https://vpn.test/)"
[ -n "$COOKIE" ] || exit 9
echo "$COOKIE" | "$@" --cookie-on-stdin ${CONNECT_URL:-$HOST} --servercert $FINGERPRINT ${RESOLVE:+--resolve=$RESOLVE} --background --pid-file "$PWD/pid"
`)
		c, err := l.Launch(testlab.Argv(append([]string{wrapper, l.PKI.Cert("ca")}, b.argv...)), testlab.Spec{Env: env()})
		must(t, err)
		if code := end(t, c); code != 0 {
			t.Fatalf("exit status %d:\n%s", code, c.Output())
		}
		reaches(t, l, testlab.InsideV4)
		stopDaemon(t, l, filepath.Join(l.Client.Dir, "pid"))
	})
}

func signalTo(t *testing.T, l *testlab.Lab, signal, pid string) {
	t.Helper()
	n, err := strconv.Atoi(strings.TrimSpace(pid))
	must(t, err)
	must(t, l.Client.Kill(signal, n))
}

// stopDaemon ends the process that a pid file names and waits until the file has gone.
func stopDaemon(t *testing.T, l *testlab.Lab, file string) {
	t.Helper()
	pid, err := os.ReadFile(file)
	must(t, err)
	signalTo(t, l, "TERM", string(pid))
	must(t, testlab.Await(within(t, 10*time.Second), "the pid file to go", func() bool {
		_, err := os.Stat(file)
		return os.IsNotExist(err)
	}))
}

// echo pw | openconnect -b: the launcher's words, the pid file, statistics, the end.
func TestOpenconnectCLIBackground(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	each(t, func(t *testing.T, b cliBinary) {
		file := filepath.Join(l.Client.Dir, "daemon-"+b.name)
		c := b.start(t, l, []string{testlab.Password}, cliAlice(l, "-b", "--pid-file", file, "--non-inter", "vpn.test")...)
		if code := end(t, c); code != 0 {
			t.Fatalf("exit status %d:\n%s", code, c.Output())
		}
		pid, err := os.ReadFile(file)
		must(t, err)
		if want := fmt.Sprintf("Continuing in background; pid %s", pid); !strings.Contains(c.Stdout(), want) || !strings.HasSuffix(string(pid), "\n") {
			t.Errorf("%q is not in:\n%s", want, c.Stdout())
		}
		must(t, testlab.Await(within(t, 10*time.Second), "the script to be done", func() bool {
			device := l.Client.RouteDevice(testlab.InsideV4)
			return device != "" && device != "eth0"
		}))
		reaches(t, l, testlab.InsideV4)
		signalTo(t, l, "USR1", string(pid))
		must(t, testlab.Await(within(t, 5*time.Second), "statistics", func() bool {
			return regexp.MustCompile(`RX: \d+ packets \(\d+ B\); TX: \d+ packets \(\d+ B\)\n`).MatchString(c.Stdout())
		}))
		stopDaemon(t, l, file)
		must(t, testlab.Await(within(t, 5*time.Second), "the last words", func() bool {
			return strings.Contains(c.Stdout(), "User cancelled (SIGINT/SIGTERM); exiting.\n")
		}))
	})
}

// What a script finds is the same, variable by variable.
func TestOpenconnectCLIScript(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	found := map[string]string{}
	each(t, func(t *testing.T, b cliBinary) {
		to := filepath.Join(l.Dir, "calls-"+b.name)
		c := b.start(t, l, []string{testlab.Password}, cliAlice(l, "--interface", "slice0", "--script", recorder(t, l, to), "vpn.test")...)
		must(t, c.WaitUp(within(t, 20*time.Second)))
		reaches(t, l, testlab.InsideV4)
		upThen(t, c, syscall.SIGUSR2, syscall.SIGINT)
		text, err := os.ReadFile(to)
		must(t, err)
		found[b.name] = regexp.MustCompile(`(?m)^VPNPID=\d+$`).ReplaceAllString(string(text), "VPNPID=N")
	})
	want := withNetwork(found["openconnect"])
	if got := lines(found["penstock"]); got != lines(want) {
		t.Errorf("penstock's scripts find\n%s\nopenconnect's\n%s", got, lines(want))
	}
}

// lines leaves out what differs from answer to answer of the gateway, and what a script is
// told of a path that is lost: ours is replaced while it stands.
func lines(text string) string {
	var kept []string
	for call := range strings.SplitSeq(text, "---\n") {
		if strings.Contains(call, "reason=reconnect\n") || strings.Contains(call, "reason=attempt-reconnect\n") {
			continue
		}
		for line := range strings.Lines(call) {
			if !strings.HasPrefix(line, "CISCO_CSTP_OPTIONS=") {
				kept = append(kept, line)
			}
		}
	}
	return strings.Join(kept, "")
}

// When the gateway drops the connection scripts are told of it, and find the same then, too.
func TestOpenconnectCLIScriptOfALostPath(t *testing.T) {
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{DTLS: "off"})
	found := map[string]string{}
	each(t, func(t *testing.T, b cliBinary) {
		to := filepath.Join(l.Dir, "lost-"+b.name)
		c := b.start(t, l, []string{testlab.Password}, cliAlice(l, "--interface", "slice0", "--script", recorder(t, l, to), "vpn.test")...)
		must(t, c.WaitUp(within(t, 20*time.Second)))
		reaches(t, l, testlab.InsideV4)
		must(t, server.KillWorkers())
		text := ""
		must(t, testlab.Await(within(t, 20*time.Second), "the script to be told", func() bool {
			b, _ := os.ReadFile(to)
			text = string(b)
			_, told, _ := strings.Cut(text, "reason=reconnect\n")
			return strings.HasPrefix(told, "---\n")
		}))
		upThen(t, c, syscall.SIGINT)
		for call := range strings.SplitSeq(text, "---\n") {
			if strings.Contains(call, "reconnect\n") {
				found[b.name] += regexp.MustCompile(`(?m)^(VPNPID|CISCO_CSTP_OPTIONS)=.*$`).ReplaceAllString(call, "$1=...")
			}
		}
	})
	want := withNetwork(found["openconnect"])
	if got := found["penstock"]; got != want || !strings.Contains(got, "reason=attempt-reconnect\n") {
		t.Errorf("penstock's scripts find\n%s\nopenconnect's\n%s", got, want)
	}
}

// withNetwork has a network where OpenConnect hands on an address.
func withNetwork(environment string) string {
	return strings.ReplaceAll(environment, "CISCO_IPV6_SPLIT_INC_0_ADDR=fd99::1\n", "CISCO_IPV6_SPLIT_INC_0_ADDR=fd99::\n")
}

// Exit statuses and the words for them.
func TestOpenconnectCLIRefusals(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	ca := "--cafile=" + l.PKI.Cert("ca")
	const noLogin = "Failed to complete authentication\n"
	for name, c := range map[string]struct {
		args  []string
		stdin []string
		says  []string
	}{
		"wrong password":    {[]string{ca, "--user=alice", "--passwd-on-stdin", "--non-inter", "vpn.test"}, []string{"wrong"}, []string{"Login failed.\n", "User input required in non-interactive mode\n", noLogin}},
		"nobody to ask":     {[]string{ca, "--user=alice", "--non-inter", "vpn.test"}, nil, []string{"Password:***\n", "User input required in non-interactive mode\n", noLogin}},
		"no passwords":      {[]string{ca, "--user=alice", "--no-passwd", "vpn.test"}, nil, []string{"Asked for password but '--no-passwd' set\n", noLogin}},
		"no authority":      {[]string{"--user=alice", "--non-inter", "vpn.test"}, nil, []string{"\nCertificate from VPN server \"vpn.test\" failed verification.\nReason: signer not found\n", "    --servercert pin-sha256:", noLogin}},
		"only this one":     {[]string{ca, "--servercert=pin-sha256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "vpn.test"}, nil, nil},
		"another name":      {[]string{ca, "--non-inter", "--resolve=other.test:10.77.0.1", "other.test"}, nil, []string{"Reason: certificate does not match hostname\n"}},
		"nobody answers":    {[]string{ca, "vpn.test:4444"}, nil, []string{"Failed to connect to host vpn.test\n", "Failed to open HTTPS connection to vpn.test\n", noLogin}},
		"unknown cookie":    {[]string{ca, "--cookie=webvpn=abcd", "vpn.test"}, nil, []string{"Creating SSL connection failed\n", "Unknown error; exiting.\n"}},
		"no server":         {nil, nil, []string{"No server specified\n"}},
		"unknown protocol":  {[]string{"--protocol=foo", "vpn.test"}, nil, []string{"Unknown VPN protocol 'foo'\n"}},
		"bad configuration": {[]string{"--config", kept(t, l, "bad", "user alice\nfoo bar\n"), "vpn.test"}, nil, []string{"Unrecognised option at line 2: 'foo'\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b cliBinary) {
				p := b.start(t, l, c.stdin, c.args...)
				if code := end(t, p); code != 1 {
					t.Errorf("exit status %d", code)
				}
				for _, want := range c.says {
					if !strings.Contains(p.Stderr(), want) {
						t.Errorf("%q is not in:\n%s", want, p.Stderr())
					}
				}
			})
		})
	}
}

// Ways to say who one is: a group and scripted answers, a certificate, a file of options.
func TestOpenconnectCLILogins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		auth string
		args func(l *testlab.Lab) []string
	}{
		"group": {"groups", func(l *testlab.Lab) []string { return cliAlice(l, "--authgroup=Staff network", "vpn.test") }},
		"form entries": {"groups", func(l *testlab.Lab) []string {
			return []string{"--cafile", l.PKI.Cert("ca"), "--passwd-on-stdin", "-F", "main:username=alice", "-F", "main:group_list=Staff network", "vpn.test"}
		}},
		"certificate": {"certificate", func(l *testlab.Lab) []string {
			return []string{"--cafile", l.PKI.Cert("ca"), "-c", l.PKI.Cert("alice"), "-k", l.PKI.Key("alice"), "vpn.test"}
		}},
		"passphrase": {"certificate", func(l *testlab.Lab) []string {
			return []string{"--cafile", l.PKI.Cert("ca"), "-c", l.PKI.P12("alice"), "-psesame", "vpn.test"}
		}},
		"file": {"password", func(l *testlab.Lab) []string {
			return []string{"--config", kept(t, l, "options", "# alice\n  cafile = "+l.PKI.Cert("ca")+"\nuser\talice\npasswd-on-stdin\nno-dtls\n"), "vpn.test"}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := lab(t)
			ocserv(t, l, testlab.Ocserv{Auth: c.auth})
			each(t, func(t *testing.T, b cliBinary) {
				upThen(t, b.start(t, l, []string{testlab.Password}, c.args(l)...), syscall.SIGINT)
			})
		})
	}
}

// GlobalProtect: the same variables, and each program takes the other's cookie.
func TestOpenconnectCLIGlobalProtect(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l, _ := gpGate(t, gpgate.Config{})
	fields := regexp.MustCompile(`=[^&]*`)
	for _, address := range [][]string{{"--usergroup=gateway", "vpn.test"}, {"https://vpn.test/portal"}} {
		args := append([]string{"--protocol=gp"}, address...)
		one, other := theirs().authenticate(t, l, args...), ours().authenticate(t, l, args...)
		sameButCookie(t, one, other)
		if a, b := fields.ReplaceAllString(one["COOKIE"], ""), fields.ReplaceAllString(other["COOKIE"], ""); a != b {
			t.Errorf("the cookies have the fields %s and %s", a, b)
		}
		upThen(t, ours().goOn(t, l, one, "--protocol=gp"), syscall.SIGINT)
		upThen(t, theirs().goOn(t, l, other, "--protocol=gp"), syscall.SIGINT)
	}
}

// Codes are made from a secret; ocserv wants one as a second password.
func TestOpenconnectCLIToken(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{Auth: "otp"})
	seed := kept(t, l, "seed", "base32:GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\n")
	c := ours().start(t, l, []string{testlab.Password}, cliAlice(l, "--token-mode=totp", "--token-secret=@"+seed, "--non-inter", "vpn.test")...)
	must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile("Generating OATH TOTP token code")))
	upThen(t, c, syscall.SIGINT)
}
