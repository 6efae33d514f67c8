package e2e

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/testlab"
)

// A killed host cannot clean up; its plugin ends all the same, and the next start
// undoes what the dead one had set.
func TestHostKilled(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{})
	before := snapshot(t, l)
	c := connect(t, l, alice())
	_, err := c.Stop(syscall.SIGKILL, 5*time.Second)
	must(t, err)
	must(t, testlab.Await(within(t, 10*time.Second), "the plugin to end with its host", func() bool { return len(l.Client.Programs()) == 0 }))
	if len(before.Diff(snapshot(t, l))) == 0 {
		t.Error("nothing was left behind after kill -9: this test tests nothing")
	}
	c = connect(t, l, alice())
	reaches(t, l, testlab.InsideV4)
	disconnect(t, c)
	unchanged(t, l, before)
}

// A killed plugin interrupts nothing and is started again; the new one can still
// log out.
func TestPluginKilled(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	for name, dtls := range map[string]string{"DTLS": "psk", "TLS": "off"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			quiet(t)
			l := lab(t)
			server := ocserv(t, l, testlab.Ocserv{DTLS: dtls})
			before := snapshot(t, l)
			c := connect(t, l, alice())
			f := start(t, l, 10*time.Second)
			old := status(t, l)
			must(t, l.Client.Kill("KILL", old.PluginPID))
			renewed, err := penstock.AwaitStatus(within(t, 10*time.Second), l, "another plugin", func(s testlab.Status) bool {
				return s.PluginPID != 0 && s.PluginPID != old.PluginPID && s.State == "connected"
			})
			must(t, err)
			if renewed.Interface != old.Interface || !renewed.ConnectedAt.Equal(old.ConnectedAt) || renewed.Transport != old.Transport {
				t.Errorf("the tunnel changed: %+v, then %+v", old, renewed)
			}
			if pings := f.finish(t); len(pings.Lost) > 0 {
				t.Errorf("pings were lost: %s", pings)
			}
			disconnect(t, c)
			unchanged(t, l, before)
			loggedOut(t, server)
		})
	}
}

// After a crash the new plugin must be able to rekey: it took over all that the
// dead one knew.
func TestPluginKilledBeforeRekey(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	quiet(t)
	l := lab(t)
	ocserv(t, l, testlab.Ocserv{RekeyMethod: "new-tunnel", RekeyTime: 30})
	m := meter(t, l)
	c := connect(t, l, alice())
	must(t, l.Client.Kill("KILL", status(t, l).PluginPID))
	opened := read(t, m).Connections
	pings := start(t, l, 40*time.Second).finish(t)
	if len(pings.Lost) > 1 {
		t.Errorf("pings were lost: %s", pings)
	}
	if read(t, m).Connections == opened {
		t.Error("no rekey within 40 seconds")
	}
	disconnect(t, c)
}

// A plugin that is not what its manifest says is not run.
func TestPluginChanged(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	plugins := l.Client.Path("/run/plugins")
	must(t, os.CopyFS(plugins, os.DirFS(penstock.Plugins())))
	binary, err := os.OpenFile(filepath.Join(plugins, "anyconnect"), os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = binary.WriteString("\n")
	must(t, err)
	must(t, binary.Close())
	wantExit(t, l, []string{"connect", "--plugin-dir", "/run/plugins", "--protocol", "anyconnect", testlab.GatewayName}, exitPlugin, "changed|sha256|does not match")
}

func TestPluginMissing(t *testing.T) {
	needPenstock(t)
	t.Parallel()
	l := lab(t)
	wantExit(t, l, []string{"connect", "--plugin-dir", penstock.Plugins(), "--protocol", "carrier-pigeon", testlab.GatewayName}, exitPlugin, "carrier-pigeon")
}
