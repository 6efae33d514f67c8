package e2e

import (
	"encoding/json"
	"fmt"
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

func TestStatus(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	begin := time.Now().Truncate(time.Second)
	c := connect(t, l, alice())
	bothWays(t, l, testlab.InsideV4, 5_000_000)
	st := status(t, l)
	compare := func(what string, got, want any) {
		t.Helper()
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s is %v, want %v", what, got, want)
		}
	}
	order := func(a, b netip.Prefix) int { return a.Addr().Compare(b.Addr()) }
	slices.SortFunc(st.Addresses, order)
	slices.SortFunc(c.Addresses, order)
	for i := range c.Addresses { // the kernel may hold a longer or shorter prefix than the gateway sent
		compare("address", st.Addresses[i].Addr(), c.Addresses[i].Addr())
	}
	compare("number of addresses", len(st.Addresses), len(c.Addresses))
	compare("interface", st.Interface, c.Interface)
	compare("mtu", st.MTU, c.MTU())
	compare("protocol", st.Protocol, "anyconnect")
	compare("transport", st.Transport, "dtls")
	if !strings.Contains(st.Gateway, testlab.GatewayName) || st.Cipher == "" || st.Name == "" {
		t.Errorf("gateway, cipher or name are missing in %+v", st)
	}
	if st.ConnectedAt.Before(begin) || st.ConnectedAt.After(time.Now()) {
		t.Errorf("connected_at is %s", st.ConnectedAt)
	}
	for name, n := range map[string]int64{"rx_bytes": st.RxBytes, "tx_bytes": st.TxBytes, "rx_packets": 1000 * st.RxPackets, "tx_packets": 1000 * st.TxPackets} {
		if n < 5_000_000/2 || n > 5_000_000_000 {
			t.Errorf("%s does not fit 5 MB each way: %+v", name, st)
		}
	}
	if plugin := program(l, st.PluginPID); plugin.Uid == "0" || plugin.Uid == "" {
		t.Errorf("plugin_pid %d is %+v, want a process that is not root", st.PluginPID, plugin)
	}
	table, err := l.Client.Run(penstock.Program(), "status")
	must(t, err)
	if !strings.Contains(table, st.Name) || !strings.Contains(table, testlab.GatewayName) {
		t.Errorf("the table of status lacks the connection:\n%s", table)
	}
	_, err = l.Client.Run(penstock.Program(), "disconnect", st.Name)
	must(t, err)
	code, err := c.Wait(10 * time.Second)
	must(t, err)
	compare("exit status", code, 0)
	unchanged(t, l, before)
	none, err := l.Client.Run(penstock.Program(), "status", "--json")
	must(t, err)
	compare("status --json without a connection", strings.TrimSpace(none), "[]")
}

// The fields of status --json that are promised, all of them.
func TestStatusFields(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	c := connect(t, l, alice())
	status(t, l)
	out, err := l.Client.Run(penstock.Program(), "status", "--json")
	must(t, err)
	var list []map[string]any
	must(t, json.Unmarshal([]byte(out), &list))
	for _, key := range []string{"name", "protocol", "state", "interface", "gateway", "addresses", "mtu", "transport", "cipher",
		"rx_bytes", "tx_bytes", "rx_packets", "tx_packets", "connected_at", "plugin_pid"} {
		if len(list) != 1 || list[0][key] == nil {
			t.Errorf("%s is missing in %s", key, out)
		}
	}
	disconnect(t, c)
}

func program(l *testlab.Lab, pid int) testlab.Program {
	for _, p := range l.Client.Programs() {
		if p.Pid == pid {
			return p
		}
	}
	return testlab.Program{}
}

func TestBackground(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	pidFile := filepath.Join(l.Dir, "penstock.pid")
	s := alice()
	s.Extra = []string{"--background", "--pid-file", pidFile}
	c, err := l.Launch(client, s)
	must(t, err)
	code, err := c.Wait(20 * time.Second)
	must(t, err)
	if code != 0 {
		t.Fatalf("exit status %d", code)
	}
	must(t, c.WaitUp(within(t, 20*time.Second)))
	reaches(t, l, testlab.InsideV4)
	text, err := os.ReadFile(pidFile)
	must(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	must(t, err)
	if p := program(l, pid); !strings.Contains(p.Command, "penstock") {
		t.Errorf("process %d of the pid file is %+v", pid, p)
	}
	must(t, l.Client.Kill("TERM", pid))
	must(t, testlab.Await(within(t, 10*time.Second), "the end of the daemon", func() bool { return program(l, pid).Command == "" }))
	unchanged(t, l, before)
	loggedOut(t, server)
	if _, err := os.Stat(pidFile); !os.IsNotExist(err) {
		t.Errorf("the pid file is still there: %v", err)
	}
}

func TestHangupKeepsTheSession(t *testing.T) {
	t.Parallel()
	l := lab(t)
	server := ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	c := connect(t, l, alice())
	session, err := server.Sessions()
	must(t, err)
	code, err := c.Stop(syscall.SIGHUP, 10*time.Second)
	must(t, err)
	if code != 0 {
		t.Errorf("exit status %d after SIGHUP", code)
	}
	unchanged(t, l, before)
	pause(t, time.Second)
	again, err := server.Sessions()
	must(t, err)
	if len(session) != 1 || !slices.Equal(session, again) {
		t.Errorf("sessions before %v, after %v: want the same one", session, again)
	}
}

func TestReconnectBySignal(t *testing.T) {
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	m := meter(t, l)
	c := connect(t, l, alice())
	before := read(t, m)
	f := start(t, l, 8*time.Second)
	must(t, c.Signal(syscall.SIGUSR2))
	must(t, testlab.Await(within(t, 10*time.Second), "a new connection to the gateway", func() bool { return read(t, m).Connections > before.Connections }))
	f.finish(t)
	disconnect(t, c)
}

func TestDumpHTTPHoldsNoSecret(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{DTLS: "legacy"})
	s := alice()
	s.Extra = []string{"--dump-http"}
	c := connect(t, l, s)
	for _, p := range l.Client.Programs() {
		for _, file := range []string{"cmdline", "environ"} {
			if text, _ := l.Client.ReadFile(fmt.Sprintf("/proc/%d/%s", p.Pid, file)); strings.Contains(text, testlab.Password) {
				t.Errorf("the password is in %s of %s", file, p.Command)
			}
		}
	}
	disconnect(t, c)
	out := c.Output()
	for _, shown := range []string{"config-auth", "X-CSTP-Address", "CONNECT "} {
		if !strings.Contains(out, shown) {
			t.Errorf("%q is not in the dump", shown)
		}
	}
	for _, secret := range []string{testlab.Password, `webvpn=[A-Za-z0-9+/=]{8}`, `<session-token>[^<*\[(]{8}`, `(?i)master-secret: *[0-9a-f]{16}`} {
		if regexp.MustCompile(secret).MatchString(out) {
			t.Errorf("the dump holds a secret: %s", secret)
		}
	}
}

func TestDebiansScript(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	s := alice()
	s.Script = "/usr/share/vpnc-scripts/vpnc-script"
	c := connect(t, l, s)
	reaches(t, l, testlab.InsideV4, testlab.InsideV6)
	if text, err := l.Client.ReadFile("/etc/resolv.conf"); err != nil || !strings.Contains(text, testlab.InsideV4) {
		t.Errorf("resolv.conf names no inside server: %q, %v", text, err)
	}
	disconnect(t, c)
	diff := slices.DeleteFunc(before.Diff(snapshot(t, l)), func(line string) bool { return slices.Contains(debians, line) })
	if len(diff) > 0 {
		t.Errorf("left behind:\n%s", strings.Join(diff, "\n"))
	}
}

// The bundled script's DNS settings, without systemd-resolved or resolvconf.
func TestResolvConf(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	c := connect(t, l, alice())
	text, err := l.Client.ReadFile("/etc/resolv.conf")
	must(t, err)
	for _, want := range []string{"nameserver " + testlab.InsideV4, "vpn.test"} {
		if !strings.Contains(text, want) {
			t.Errorf("resolv.conf lacks %q:\n%s", want, text)
		}
	}
	disconnect(t, c)
	if text, _ := l.Client.ReadFile("/etc/resolv.conf"); !strings.HasPrefix(text, "# outside") {
		t.Errorf("resolv.conf was not given back:\n%s", text)
	}
}

func TestByName(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	must(t, os.Chmod(l.Dir, 0o755))
	must(t, l.Client.WriteFile("/etc/penstock/penstock.toml", fmt.Sprintf(`[connection.corp]
protocol = "anyconnect"
gateway = "%s"
username = "%s"
cacert = "%s"
`, testlab.GatewayName, testlab.User, l.PKI.Cert("ca")), 0o644))
	named := testlab.Argv{penstock.Program(), "connect", "--plugin-dir", penstock.Plugins(), "--password-stdin", "corp"}
	c, err := l.Connect(within(t, 20*time.Second), named, testlab.Spec{Answers: []string{testlab.Password}})
	must(t, err)
	reaches(t, l, testlab.InsideV4)
	if st := status(t, l); st.Name != "corp" {
		t.Errorf("the connection's name is %q", st.Name)
	}
	disconnect(t, c)
	must(t, os.RemoveAll(l.Client.Path("/etc/penstock")))
	unchanged(t, l, before)
}

func TestUsage(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	for words, args := range map[string][]string{
		"gateway|NAME": {"connect"},
		"usernam":      {"connect", "--plugin-dir", penstock.Plugins(), "--protocol", "anyconnect", "--usernam", "alice", "vpn.test"},
		"mtu":          {"connect", "--plugin-dir", penstock.Plugins(), "--protocol", "anyconnect", "--mtu", "12", "vpn.test"},
	} {
		wantExit(t, l, args, exitUsage, words)
	}
}

// wantExit runs penstock to its end on a machine that it must not change.
func wantExit(t *testing.T, l *testlab.Lab, args []string, code int, words string) {
	t.Helper()
	before := snapshot(t, l)
	p, err := l.Client.Start(testlab.Command{Args: append([]string{penstock.Program()}, args...)})
	must(t, err)
	got, err := p.Wait(10 * time.Second)
	must(t, err)
	if text := p.Output(); got != code || !regexp.MustCompile("(?i)"+words).MatchString(text) {
		t.Errorf("%s: exit status %d, want %d and %q: %s", p, got, code, words, text)
	}
	unchanged(t, l, before)
}
