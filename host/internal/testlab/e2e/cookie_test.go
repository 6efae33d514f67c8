package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// cookieOf has openconnect log alice in and hand out the session's cookie.
func cookieOf(t *testing.T, l *testlab.Lab) string {
	t.Helper()
	spec := alice()
	spec.Extra = []string{"--authenticate"}
	c, err := l.Launch(testlab.Openconnect{}, spec)
	must(t, err)
	code, err := c.Wait(20 * time.Second)
	must(t, err)
	found := regexp.MustCompile(`(?m)^COOKIE='([^']+)'$`).FindStringSubmatch(c.Output())
	if code != 0 || found == nil {
		t.Fatalf("openconnect --authenticate gave exit status %d and:\n%s", code, c.Output())
	}
	return found[1]
}

// kept is a private file.
func kept(t *testing.T, l *testlab.Lab, name, text string) string {
	t.Helper()
	path := filepath.Join(l.Dir, name)
	must(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// A login by openconnect, the tunnel by penstock: from a file, and from the configuration.
func TestCookie(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	cookie := cookieOf(t, l)
	if !strings.Contains(cookie, "webvpn=") {
		t.Errorf("openconnect gives a cookie without its name: this test was to show one with")
	}
	_, bare, _ := strings.Cut(cookie, "webvpn=")
	inFile := testlab.Spec{Extra: []string{"--dump-http", "--non-inter", "--cookie-file", kept(t, l, "cookie", cookie+"\n")}}
	c := connect(t, l, inFile)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	disconnect(t, c)
	unchanged(t, l, before)
	loggedOut(t, server)
	if out := c.Output(); strings.Contains(out, "config-auth") || !strings.Contains(out, "CONNECT ") || strings.Contains(out, bare) {
		t.Errorf("want a tunnel without a login, and no cookie to be seen:\n%s", out)
	}

	_, bare, _ = strings.Cut(cookieOf(t, l), "webvpn=")
	must(t, os.Chmod(l.Dir, 0o755))
	config := kept(t, l, "penstock.toml", fmt.Sprintf("[connection.corp]\nprotocol = \"anyconnect\"\ngateway = %q\ncacert = %q\ncookie = %q\n",
		testlab.GatewayName, l.PKI.Cert("ca"), bare))
	named := testlab.Argv{penstock.Program(), "connect", "--plugin-dir", penstock.Plugins(), "--config", config, "--non-inter", "corp"}
	c, err := l.Connect(within(t, 20*time.Second), named, testlab.Spec{})
	must(t, err)
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
	unchanged(t, l, before)
}

// What the gateway does not take is told by the option's name; the session of a
// cookie ends at its logout.
func TestRefusedCookie(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	cookie := cookieOf(t, l)
	spec := testlab.Spec{Extra: []string{"--non-inter", "--cookie-file", kept(t, l, "cookie", cookie)}}
	disconnect(t, connect(t, l, spec))
	refused(t, l, spec, 10*time.Second, exitRefused, `the session cookie opens no tunnel`)
	kept(t, l, "cookie", "webvpn=WGVub24tNTQ=")
	refused(t, l, spec, 10*time.Second, exitRefused, `the session cookie opens no tunnel`)
	kept(t, l, "cookie", "a=b; c=d")
	refused(t, l, spec, 10*time.Second, exitUsage, `cookie.*no webvpn=VALUE`)
}
