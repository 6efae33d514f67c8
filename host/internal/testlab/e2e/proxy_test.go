package e2e

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

const (
	webPort   = 8080
	webSize   = 10_000_000
	proxyPort = 11080
	insideWeb = "www.corp.test"
)

// unprivileged is a user without any rights, who has a folder and nothing else.
type unprivileged struct {
	as   []string // before a command
	env  []string
	home string
}

func plainUser(t *testing.T, l *testlab.Lab) unprivileged {
	t.Helper()
	home := filepath.Join(l.Dir, "nobody")
	must(t, os.Mkdir(home, 0o700))
	must(t, os.Chown(home, nobody, nobody))
	return unprivileged{
		as:   []string{"setpriv", "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(nobody), "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"},
		env:  []string{"HOME=" + home, "XDG_RUNTIME_DIR=" + home, "TMPDIR=" + home},
		home: home,
	}
}

// proxy starts penstock as a proxy, without root.
func (p unprivileged) proxy(t *testing.T, l *testlab.Lab, args ...string) *testlab.Connection {
	t.Helper()
	args = slices.Concat(p.as, []string{penstock.Program(), "connect", "--protocol=anyconnect", "--plugin-dir", penstock.Plugins(), "--cafile", l.PKI.Cert("ca"),
		"--username", testlab.User, "--password-stdin"}, args, []string{"vpn.test"})
	c, err := l.Launch(testlab.Argv(args), testlab.Spec{Answers: []string{testlab.Password}, Env: p.env})
	must(t, err)
	return c
}

// penstock runs a command of penstock's as the user.
func (p unprivileged) penstock(t *testing.T, l *testlab.Lab, args ...string) string {
	t.Helper()
	out, err := l.Client.Run(slices.Concat(p.as, []string{"env"}, p.env, []string{penstock.Program()}, args)...)
	must(t, err)
	return out
}

// web serves behind the gateway: what it was asked for, and a large file.
func web(t *testing.T, l *testlab.Lab) (sum string) {
	t.Helper()
	ln, err := l.Listen(webPort)
	must(t, err)
	data := make([]byte, webSize)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(data)
	mux := http.NewServeMux()
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
	mux.HandleFunc("/sum", func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		_, _ = io.Copy(h, r.Body)
		_, _ = fmt.Fprintf(w, "%x", h.Sum(nil))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "host %s from %s proxy-headers %d", r.Host, r.RemoteAddr, len(r.Header["Proxy-Connection"])+len(r.Header["Proxy-Authorization"]))
	})
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(ln) }()
	t.Cleanup(func() { _ = server.Close() })
	return fmt.Sprintf("%x", sha256.Sum256(data))
}

// curls asks through the proxy in both ways that it speaks.
func curls(t *testing.T, l *testlab.Lab, want string, args ...string) {
	t.Helper()
	at := fmt.Sprintf("127.0.0.1:%d", proxyPort)
	for name, how := range map[string][]string{"SOCKS5": {"--socks5-hostname", at}, "HTTP": {"--proxy", at}, "CONNECT": {"--proxytunnel", "--proxy", at}} {
		out, err := l.Client.Run(slices.Concat([]string{"curl", "-sS", "-m", "20", "--noproxy", ""}, how, args)...)
		if err != nil || !regexp.MustCompile(want).MatchString(out) {
			t.Errorf("%s: %q, %v, want %q", name, out, err, want)
		}
	}
}

// Whoever has no rights at all reaches the inside through a proxy.
func TestProxyWithoutRoot(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	dns, err := l.Site().StartDNS()
	must(t, err)
	sum := web(t, l)
	user := plainUser(t, l)
	before := snapshot(t, l)
	c := user.proxy(t, l, "--proxy-listen", strconv.Itoa(proxyPort))
	must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`Configured as .* on proxy 127\.0\.0\.1:11080`)))
	if left := outside(before.Diff(snapshot(t, l))); len(left) > 0 {
		t.Errorf("the machine's network has changed:\n%s", strings.Join(left, "\n"))
	}
	noRights(t, l)
	address := fmt.Sprintf("%s:%d", insideWeb, webPort)
	curls(t, l, "host "+regexp.QuoteMeta(address)+` from .* proxy-headers 0`, "http://"+address+"/")
	curls(t, l, "from \\[fd88:", fmt.Sprintf("http://[%s]:%d/", testlab.InsideV6, webPort))
	curls(t, l, "from 10.88", fmt.Sprintf("http://%s:%d/", testlab.InsideV4, webPort))
	if !dns.Asked(insideWeb) {
		t.Error("the inside's name server was not asked")
	}
	file := filepath.Join(l.Dir, "large")
	curls(t, l, "^$", "-o", file, "http://"+address+"/large")
	got, err := os.ReadFile(file)
	must(t, err)
	if fmt.Sprintf("%x", sha256.Sum256(got)) != sum {
		t.Errorf("%d of %d bytes came, or others", len(got), webSize)
	}
	curls(t, l, "^"+sum+"$", "--data-binary", "@"+file, "http://"+address+"/sum")
	refusals(t, l)
	t.Run("status", func(t *testing.T) { userStatus(t, l, user) })
	must(t, server.KillWorkers())
	must(t, c.Expect(within(t, 30*time.Second), regexp.MustCompile(`connecting again(?s:.*)Packets go through|Connected again`)))
	curls(t, l, "host", "http://"+address+"/")
	user.penstock(t, l, "disconnect", "vpn.test")
	if code := end(t, c); code != 0 {
		t.Errorf("exit status %d:\n%s", code, c.Tail(20))
	}
	loggedOut(t, server)
	unchanged(t, l, before)
	if left, err := os.ReadDir(filepath.Join(user.home, "penstock")); err == nil && len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// noRights wants no process of penstock's to be root or to have a capability.
func noRights(t *testing.T, l *testlab.Lab) {
	t.Helper()
	found := 0
	for _, p := range l.Client.Programs() {
		if !strings.Contains(p.Command, penstock.Bin) {
			continue
		}
		found++
		text, err := l.Client.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid))
		if err != nil || p.Uid == "0" || !strings.Contains(text, "CapEff:\t0000000000000000") && p.Uid == strconv.Itoa(nobody) {
			t.Errorf("%s has rights: %v\n%s", p.Command, err, text)
		}
	}
	if found == 0 {
		t.Error("no process of penstock's was found")
	}
}

// refusals are addresses that no route covers, a name that nobody knows, and a port that
// nobody listens at.
func refusals(t *testing.T, l *testlab.Lab) {
	t.Helper()
	at := fmt.Sprintf("127.0.0.1:%d", proxyPort)
	for _, test := range []struct{ url, socks, http string }{
		{"http://192.0.2.1/", `\(2\)`, "^403 .*no route"},
		{"http://nowhere.invalid/", `\(4\)`, "^502 .*nowhere.invalid"},
		{"http://" + testlab.InsideV4 + ":9/", `\(5\)`, "^502 .*refused"},
		{"http://127.0.0.1:22/", `\(2\)`, "^403 .*127.0.0.1"},
	} {
		out, err := l.Client.Run("curl", "-sS", "-m", "20", "--noproxy", "", "--socks5-hostname", at, test.url)
		if err == nil || !regexp.MustCompile(test.socks).MatchString(out) {
			t.Errorf("SOCKS5 to %s: %q, want %s", test.url, out, test.socks)
		}
		out, _ = l.Client.Run("curl", "-sS", "-m", "20", "--noproxy", "", "--proxy", at, "-o", "-", "-w", "%{stderr}%{http_code} ", test.url)
		if swapped := regexp.MustCompile(`(?s)^(.*?)(\d{3} )$`).ReplaceAllString(out, "$2$1"); !regexp.MustCompile(test.http).MatchString(swapped) {
			t.Errorf("HTTP to %s: %q, want %s", test.url, swapped, test.http)
		}
	}
}

func userStatus(t *testing.T, l *testlab.Lab, user unprivileged) {
	out := user.penstock(t, l, "status", "--json")
	for _, want := range []string{`"interface": "proxy 127.0.0.1:11080"`, `"state": "connected"`, `"name": "vpn.test"`} {
		if !strings.Contains(out, want) {
			t.Errorf("status lacks %s:\n%s", want, out)
		}
	}
	if out := user.penstock(t, l, "status"); !strings.Contains(out, "proxy 127.0.0.1:11080") {
		t.Errorf("the table of status does not say where the proxy is:\n%s", out)
	}
}

// What a proxy cannot do it says before it asks for a password.
func TestProxyRefuses(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	user := plainUser(t, l)
	var taken net.Listener
	must(t, l.Client.Do(func() (err error) {
		taken, err = net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:11080")))
		return err
	}))
	defer taken.Close() //nolint:errcheck // of the test
	for words, args := range map[string][]string{
		"another program":   {"--proxy-listen", "127.0.0.1:11080"},
		"1024":              {"--proxy-listen", "127.0.0.1:80"},
		"--proxy-auth-file": {"--proxy-listen", "0.0.0.0:1080"},
		"ADDRESS:PORT":      {"--proxy-listen", "example.com:1080"},
		"--script ":         {"--proxy-listen", "1081", "--script", "true"},
		"leave one of them": {"--proxy-listen", "1081", "--script-tun", "--script", "true"},
		"--proxy-listen":    {"--proxy-auth-file", "/etc/passwd"},
	} {
		c := user.proxy(t, l, args...)
		if code := end(t, c); code != exitUsage || !strings.Contains(c.Output(), words) {
			t.Errorf("%v: exit status %d, want %d and %q:\n%s", args, code, exitUsage, words, c.Output())
		}
	}
}

// Others on the network may use the proxy when they know what it asks for.
func TestProxyForOthers(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	web(t, l)
	user := plainUser(t, l)
	secret := filepath.Join(user.home, "auth")
	must(t, os.WriteFile(secret, []byte("bob:let me in\n"), 0o600))
	must(t, os.Chown(secret, nobody, nobody))
	c := user.proxy(t, l, "--proxy-listen", "0.0.0.0:11080", "--proxy-auth-file", secret)
	must(t, c.Expect(within(t, 20*time.Second), regexp.MustCompile(`Configured as`)))
	url := fmt.Sprintf("http://%s:%d/", testlab.InsideV4, webPort)
	curls(t, l, "host .* proxy-headers 0", "--proxy-user", "bob:let me in", url)
	for how, want := range map[string]string{"--socks5-hostname": "auth|rejected", "--proxy": "^407$"} {
		for _, who := range [][]string{{}, {"--proxy-user", "bob:wrong"}} {
			out, _ := l.Client.Run(slices.Concat([]string{"curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", "--noproxy", "", how, "127.0.0.1:11080", url}, who)...)
			if !regexp.MustCompile(want).MatchString(out) {
				t.Errorf("%s as %v: %q, want %s", how, who, out, want)
			}
		}
	}
	if code, err := c.Stop(syscall.SIGTERM, 10*time.Second); err != nil || code != 0 {
		t.Errorf("exit status %d, %v", code, err)
	}
}
