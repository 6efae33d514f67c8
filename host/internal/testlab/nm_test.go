package testlab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// incumbent brings up a VPN with Debian's NetworkManager-openconnect, as its users
// without a desktop do: log in first, then hand over the cookie.
func incumbent(t *testing.T, l *Lab, n *NM, name, gateway string) {
	t.Helper()
	p, err := l.Client.Start(Command{Args: []string{"/usr/sbin/openconnect", "--authenticate", "--cafile", l.PKI.Cert("ca"),
		"--user", User, "--passwd-on-stdin", "--non-inter", gateway}, Stdin: Password + "\n"})
	if err != nil {
		t.Fatal(err)
	}
	if code, err := p.Wait(10 * time.Second); err != nil || code != 0 {
		t.Fatalf("exit status %d, %v: %s", code, err, p.Tail(20))
	}
	secrets := ""
	for _, line := range strings.Split(p.Stdout(), "\n") {
		key, value, _ := strings.Cut(line, "=")
		if secret := map[string]string{"COOKIE": "cookie", "HOST": "gateway", "FINGERPRINT": "gwcert"}[key]; secret != "" {
			secrets += fmt.Sprintf("vpn.secrets.%s:%s\n", secret, strings.Trim(value, "'"))
		}
	}
	file := filepath.Join(l.Dir, name+".secrets")
	if err := os.WriteFile(file, []byte(secrets), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"connection", "add", "type", "vpn", "con-name", name, "vpn-type", "openconnect", "ifname", "*", "vpn.data",
			"protocol=anyconnect, authtype=password, cookie-flags=2, gwcert-flags=2, gateway-flags=2, gateway=" + gateway},
		{"connection", "up", name, "passwd-file", file},
	} {
		if out, err := n.Nmcli(args...); err != nil {
			t.Fatal(err, out)
		}
	}
}

func answers(t *testing.T, m *Machine, address string) bool {
	t.Helper()
	p, err := m.Ping(address, 50*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	select {
	case <-p.Answered():
		return true
	case <-time.After(500 * time.Millisecond):
		return false
	}
}

func lookup(t *testing.T, m *Machine, name string) string {
	t.Helper()
	return strings.TrimSpace(run(t, m, "dig", "+short", "+time=2", "+tries=2", name))
}

// The lab is believed because a VPN service that was written by others works in it:
// two VPNs at once, IPv6, names known inside alone.
func TestNetworkManagerOpenconnect(t *testing.T) {
	l := newLab(t)
	branch, err := l.AddBranch()
	if err != nil {
		t.Fatal(err)
	}
	outer, err := l.StartDNS()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Site{l.Site(), branch} {
		if _, err := l.StartOcserv(Ocserv{Site: s}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.StartDNS(); err != nil {
			t.Fatal(err)
		}
	}
	n, err := l.StartNetworkManager(NetworkManager{Dnsmasq: true})
	if err != nil {
		t.Fatal(err)
	}
	if answers(t, l.Client, BranchInsideV4) {
		t.Error("the branch answers without a VPN")
	}
	incumbent(t, l, n, "corp", GatewayName)
	incumbent(t, l, n, "branch", BranchName)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for _, a := range []string{InsideV4, InsideV6, BranchInsideV4, BranchInsideV6} {
		if err := Await(ctx, a+" to answer through the VPN", func() bool { return answers(t, l.Client, a) }); err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{"ready.corp.test": InsideV4, "ready." + BranchName: BranchInsideV4} {
		if err := Await(ctx, "NetworkManager's name server to know "+name, func() bool { return lookup(t, l.Client, name) == want }); err != nil {
			t.Error(err)
		}
	}
	for name, want := range map[string]string{"app.corp.test": InsideV4, "app." + BranchName: BranchInsideV4, "app.example.org": Elsewhere} {
		if got := lookup(t, l.Client, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
		if asked := outer.Asked(name); asked != (want == Elsewhere) {
			t.Errorf("outside was asked for %s: %v", name, asked)
		}
	}
	names, err := n.Names()
	if err != nil || !slices.ContainsFunc(names, func(s string) bool { return strings.HasPrefix(s, "org.freedesktop.NetworkManager.openconnect.") }) {
		t.Errorf("no service on the bus: %q, %v", names, err)
	}
	if _, err := n.Nmcli("connection", "down", "branch"); err != nil {
		t.Error(err)
	}
	// nmcli does not wait for the process whose device it is.
	if err := Await(ctx, "one VPN to be down and the other up", func() bool {
		return !answers(t, l.Client, BranchInsideV4) && answers(t, l.Client, InsideV4)
	}); err != nil {
		t.Error(err)
	}
	if err := Await(ctx, "the name server outside to have the name again", func() bool { return lookup(t, l.Client, "app."+BranchName) == Elsewhere }); err != nil {
		t.Error(err)
	}
}
