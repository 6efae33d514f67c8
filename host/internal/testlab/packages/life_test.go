//go:build packages

package packages

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// former makes packages of a lower version of what is built.
func former(t *testing.T, format string) []string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o755))
	root := moduleRoot(t)
	cmd := exec.Command("packaging/package.sh", append([]string{format}, strings.Fields(os.Getenv("PENSTOCK_PLUGINS"))...)...)
	cmd.Dir, cmd.Env = root, append(os.Environ(), "PACKAGE_OUT="+dir, "PACKAGE_VERSION=0~a", "SOURCE_DATE_EPOCH=86400")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("packages of a lower version: %v: %s", err, out)
	}
	return packages(t, dir, format)
}

const corp = "corp-vpn"

// A package's whole life, on a machine whose NetworkManager runs all along: nobody
// restarts or reloads anything.
func TestInstallUseUpgradePurge(t *testing.T) {
	old := former(t, "deb")
	m := newMachine(t)
	_, err := m.StartOcserv(testlab.Ocserv{})
	must(t, err)
	before := m.state(t)

	m.dpkg(t, append([]string{"--install"}, old...)...)
	m.run(t, "0~a", "dpkg-query", "-W", "-f", "${Version}", "penstock")
	m.programs(t)
	m.nmcli(t, "connection", "add", "type", "vpn", "con-name", corp, "vpn-type", "penstock", "ifname", "*", "vpn.data",
		"protocol=anyconnect, gateway="+testlab.GatewayName+", username="+testlab.User+", cacert="+m.PKI.Cert("ca")+", password-flags=0",
		"vpn.secrets", "password="+testlab.Password)
	m.nmcli(t, "connection", "up", corp)
	m.reaches(t)

	m.upgrade(t)
	m.nmcli(t, "connection", "down", corp)
	m.nmcli(t, "connection", "up", corp)
	m.reaches(t)
	m.nmcli(t, "connection", "down", corp)
	m.nmcli(t, "connection", "delete", corp)
	m.programs(t)

	m.removed(t)
	err = testlab.Await(within(t), "the machine to be as before", func() bool { return len(before.Diff(m.state(t))) == 0 })
	if err != nil {
		t.Errorf("left behind: %v\n%s", err, strings.Join(before.Diff(m.state(t)), "\n"))
	}
}

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// programs are there for people: in the shell, in the manual, and in completions.
func (m *machine) programs(t *testing.T) {
	t.Helper()
	m.run(t, "anyconnect", "/usr/bin/penstock", "plugin", "list")
	m.run(t, "is what was installed", "/usr/bin/penstock", "plugin", "verify")
	m.run(t, "--servercert", "man", "-P", "cat", "penstock-connect")
	m.run(t, "anyconnect", "man", "-P", "cat", "7", "penstock-anyconnect")
	m.run(t, "disconnect", "bash", "-c", `. /usr/share/bash-completion/completions/penstock && complete -p penstock >/dev/null && penstock __complete dis`)
	m.run(t, "libnm-vpn-plugin-penstock.so", "cat", "/usr/lib/NetworkManager/VPN/nm-penstock-service.name")
}

func (m *machine) reaches(t *testing.T) {
	t.Helper()
	for _, address := range []string{testlab.InsideV4, testlab.InsideV6} {
		p, err := m.Client.Ping(address, 200*time.Millisecond)
		must(t, err)
		select {
		case <-p.Answered():
		case <-time.After(5 * time.Second):
			t.Errorf("no answer from %s", address)
		}
		p.Stop()
	}
}

// upgrade puts the new packages in the places of the old, under a connection that
// carries on, and keeps what the administrator has written.
func (m *machine) upgrade(t *testing.T) {
	t.Helper()
	const profile = "/etc/apparmor.d/usr.bin.penstock"
	text, err := m.Client.ReadFile(profile)
	must(t, err)
	must(t, m.Client.WriteFile(profile, text+"# by hand\n", 0o644))
	pings, err := m.Client.Ping(testlab.InsideV4, 50*time.Millisecond)
	must(t, err)
	m.dpkg(t, append([]string{"--install"}, built(t, "deb")...)...)
	if sum := pings.Stop(); len(sum.Lost) > 0 || sum.Sent == 0 {
		t.Errorf("during the upgrade pings were lost: %s", sum)
	}
	m.run(t, "# by hand", "cat", profile)
	for _, name := range names {
		out, err := m.Client.Run("dpkg-query", "-W", "-f", "${Status} ${Version}", name)
		if err != nil || !strings.HasPrefix(out, "install ok installed ") || strings.HasSuffix(out, " 0~a") {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
	if out, err := m.Client.Run("dpkg", "--verify", "penstock-plugins"); err != nil || out != "" {
		t.Errorf("dpkg --verify: %v: %s", err, out)
	}
}

func (m *machine) removed(t *testing.T) {
	t.Helper()
	m.dpkg(t, append([]string{"--remove"}, names...)...)
	m.run(t, "# by hand", "cat", "/etc/apparmor.d/usr.bin.penstock")
	m.dpkg(t, append([]string{"--purge"}, names[0])...)
	for _, name := range names {
		if out, err := m.Client.Run("dpkg-query", "-W", name); err == nil {
			t.Errorf("%s is still known: %s", name, out)
		}
	}
	if _, err := m.nm.Nmcli("connection", "add", "type", "vpn", "con-name", corp, "vpn-type", "penstock", "ifname", "*", "vpn.data", "protocol=x"); err != nil {
		return
	}
	if out, err := m.nm.Nmcli("connection", "up", corp); err == nil {
		t.Errorf("a VPN without its service comes up: %s", out)
	}
	m.nmcli(t, "connection", "delete", corp)
}
