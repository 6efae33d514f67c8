package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// examined is what `penstock doctor --json` says.
type examined struct {
	Level    string
	Findings []struct{ Topic, Level, Found, Why, Do string }
}

func doctor(t *testing.T, m *testlab.Machine, args ...string) examined {
	t.Helper()
	p, err := m.Start(testlab.Command{Args: append([]string{penstock.Program(), "doctor", "--json"}, args...)})
	must(t, err)
	code, err := p.Wait(20 * time.Second)
	must(t, err)
	var e examined
	if err := json.Unmarshal([]byte(p.Stdout()), &e); err != nil {
		t.Fatalf("%v: %s%s", err, p.Stdout(), p.Stderr())
	}
	if (code != 0) != (e.Level == "fail") || code > 1 {
		t.Errorf("exit status %d of a report that is %q", code, e.Level)
	}
	return e
}

func (e examined) wants(t *testing.T, topic, level, says string) {
	t.Helper()
	for _, f := range e.Findings {
		if f.Topic == topic && f.Level == level && strings.Contains(f.Found, says) {
			return
		}
	}
	t.Errorf("no %s of %s says %q: %+v", level, topic, says, e)
}

// What a killed host leaves is named, and changed by nobody who only looks.
func TestDoctorAfterAKilledHost(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	plugins := []string{"--plugin-dir", penstock.Plugins()}
	doctor(t, l.Client, plugins...).wants(t, "leftovers", "ok", "nothing is left")
	c := connect(t, l, alice())
	up := doctor(t, l.Client, append(plugins, testlab.GatewayName, "--protocol", "anyconnect")...)
	up.wants(t, "leftovers", "ok", "nothing is left")
	up.wants(t, "others", "ok", "no other VPN")
	up.wants(t, "gateway", "ok", "takes TCP and TLS")
	up.wants(t, "certificate", "ok", "good until")
	up.wants(t, "path", "ok", "eth0, carries packets of 1500 bytes")
	_, err := c.Stop(syscall.SIGKILL, 5*time.Second)
	must(t, err)
	must(t, testlab.Await(within(t, 10*time.Second), "the plugin to end with its host", func() bool { return len(l.Client.Programs()) == 0 }))
	before := snapshot(t, l)
	doctor(t, l.Client, plugins...).wants(t, "leftovers", "warn", testlab.GatewayName+" was killed")
	unchanged(t, l, before)
}

// A plugin that was changed, a TUN device that is missing, and a gateway that nobody is.
func TestDoctorOfABrokenMachine(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	plugins := l.Client.Path("/run/plugins")
	must(t, os.CopyFS(plugins, os.DirFS(penstock.Plugins())))
	f, err := os.OpenFile(filepath.Join(plugins, "anyconnect"), os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = f.WriteString("\n")
	must(t, err)
	must(t, f.Close())
	_, err = l.Client.Run("mount", "-t", "tmpfs", "none", "/dev/net")
	must(t, err)
	e := doctor(t, l.Client, "--plugin-dir", "/run/plugins", testlab.GatewayName)
	e.wants(t, "plugins", "fail", "anyconnect is not the one that was installed")
	e.wants(t, "tun", "fail", "no such file")
	e.wants(t, "gateway", "fail", "connection refused")
}

// A router on the way that has a smaller link says so, and the doctor hears it.
func TestDoctorFindsThePathMTU(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	desk, err := l.AddDesk()
	must(t, err)
	args := []string{"--plugin-dir", penstock.Plugins(), "10.77.0.1"}
	doctor(t, desk, args...).wants(t, "path", "ok", "packets of 1500 bytes")
	_, err = l.Client.Run("ip", "link", "set", "eth0", "mtu", "1300")
	must(t, err)
	doctor(t, desk, args...).wants(t, "path", "warn", "packets of 1300 bytes")
}
