package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// The tests of files openconnect_cli_*: what was written for OpenConnect's command line
// finds the same with `penstock openconnect`, run side by side with the other.

// cliBinary is a program that takes OpenConnect's command line.
type cliBinary struct {
	name string
	argv []string
	env  []string
}

func theirs() cliBinary {
	return cliBinary{name: "openconnect", argv: []string{"/usr/sbin/openconnect"}}
}
func ours() cliBinary {
	return cliBinary{name: "penstock", argv: []string{penstock.Program(), "openconnect"}}
}

// each runs f with both, the other's first.
func each(t *testing.T, f func(t *testing.T, b cliBinary)) {
	t.Helper()
	needPenstock(t)
	for _, b := range []cliBinary{theirs(), ours()} {
		t.Run(b.name, func(t *testing.T) { f(t, b) })
	}
}

// env has penstock find its plugins.
func env() []string { return []string{"PENSTOCK_PLUGIN_PATH=" + penstock.Plugins()} }

// start runs b with lines at its standard input; none: the input is empty.
func (b cliBinary) start(t *testing.T, l *testlab.Lab, lines []string, args ...string) *testlab.Connection {
	t.Helper()
	c, err := l.Launch(testlab.Argv(append(slices.Clone(b.argv), args...)), testlab.Spec{Answers: lines, Env: append(env(), b.env...)})
	must(t, err)
	return c
}

// end waits for it and returns the exit status.
func end(t *testing.T, c *testlab.Connection) int {
	t.Helper()
	code, err := c.Wait(20 * time.Second)
	must(t, err)
	return code
}

// cliAlice is what every command line of these tests has.
func cliAlice(l *testlab.Lab, args ...string) []string {
	return append([]string{"--cafile", l.PKI.Cert("ca"), "--user", testlab.User, "--passwd-on-stdin"}, args...)
}

// executable writes a program to where everybody can run it.
func executable(t *testing.T, l *testlab.Lab, name, text string) string {
	t.Helper()
	path := filepath.Join(l.Dir, name)
	must(t, os.WriteFile(path, []byte(text), 0o755))
	return path
}

// upThen waits for the tunnel, sends signals, and wants the exit status 0.
func upThen(t *testing.T, c *testlab.Connection, signals ...syscall.Signal) {
	t.Helper()
	must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`Configured as .*, with SSL`)))
	for i, s := range signals {
		if i > 0 {
			must(t, c.Expect(within(t, 10*time.Second), regexp.MustCompile(`RX: \d+ packets|User requested reconnect(?s:.*)Connected to HTTPS`)))
		}
		must(t, c.Signal(s))
	}
	if code := end(t, c); code != 0 {
		t.Errorf("exit status %d:\n%s", code, c.Tail(20))
	}
}

// variables are what --authenticate prints, as a shell reads them.
func variables(t *testing.T, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z_]+)='([^']*)'$`).FindAllStringSubmatch(text, -1) {
		all[m[1]] = m[2]
	}
	if len(all) != 5 || strings.Count(text, "\n") != 5 {
		t.Fatalf("it printed\n%s", text)
	}
	return all
}

// sameButCookie compares two logins.
func sameButCookie(t *testing.T, one, other map[string]string) {
	t.Helper()
	for name, value := range one {
		if name != "COOKIE" && other[name] != value {
			t.Errorf("%s is %q with one and %q with the other", name, value, other[name])
		}
	}
}

// goOn takes a session as OpenConnect's page says.
func (b cliBinary) goOn(t *testing.T, l *testlab.Lab, v map[string]string, args ...string) *testlab.Connection {
	t.Helper()
	return b.start(t, l, []string{v["COOKIE"]}, append([]string{"--cookie-on-stdin", v["CONNECT_URL"], "--servercert", v["FINGERPRINT"], "--resolve", v["RESOLVE"]}, args...)...)
}

// authenticate logs in and returns the variables.
func (b cliBinary) authenticate(t *testing.T, l *testlab.Lab, args ...string) map[string]string {
	t.Helper()
	c := b.start(t, l, []string{testlab.Password}, cliAlice(l, append([]string{"--authenticate"}, args...)...)...)
	if code := end(t, c); code != 0 {
		t.Fatalf("exit status %d:\n%s", code, c.Output())
	}
	return variables(t, c.Stdout())
}

// recorder is a vpnc-script as vpn-slice is one: it takes all it knows from the
// environment. It writes that down, a line a variable, but for the shell's own ones,
// GnuTLS's, and where penstock's plugins are.
func recorder(t *testing.T, l *testlab.Lab, to string) string {
	t.Helper()
	return executable(t, l, "recorder", fmt.Sprintf(`#!/bin/sh
env -0 | tr '\n\0' '|\n' | grep -Ev '^(_|PWD|OLDPWD|SHLVL|PENSTOCK_PLUGIN_PATH|GNUTLS_SYSTEM_PRIORITY_FILE)=' | sort >>%s
[ "$reason" != connect ] || { ip link set dev "$TUNDEV" up mtu "$INTERNAL_IP4_MTU"; ip addr add "$INTERNAL_IP4_ADDRESS/32" dev "$TUNDEV"; ip route replace 10.99.0.1/32 dev "$TUNDEV"; }
echo --- >>%s
`, to, to))
}
