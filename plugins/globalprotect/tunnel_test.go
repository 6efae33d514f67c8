package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/tunnel"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// overESP brings a tunnel over ESP up.
func overESP(t *testing.T, g *gate) (*plugintest.Host, *plugintest.Run, *plugintest.Path) {
	t.Helper()
	h := plugintest.NewHost(t)
	g.at(h)
	h.Answer("login", map[string]string{"username": "alice", "password": password})
	run := h.Run(fresh(), profile(nil))
	run.Config()
	path := run.Path()
	run.Send(sdk.PathEvent{Path: path.ID, Kind: sdk.PathUp})
	packets(t, path)
	return h, run, path
}

func profile(options map[string]string) plugintest.Profile {
	all := map[string]string{"gateway": "https://vpn.example.com/gateway", "local-hostname": "laptop"}
	for key, value := range options {
		all[key] = value
	}
	return plugintest.Profile{Protocol: "globalprotect", Options: all}
}

func TestTLSAlone(t *testing.T) {
	for name, noIPsec := range map[string]bool{"by option": false, "the gateway has no ESP": true} {
		g := newGate(t)
		g.noIPsec = noIPsec
		_, run := start(t, g, map[string]string{"no-dtls": fmt.Sprint(!noIPsec)})
		run.Config()
		path := run.Path()
		packets(t, path)
		if path.Kind != "tls" {
			t.Errorf("%s: path %+v", name, path)
		}
		g.cut(0)
		packets(t, run.Path())
		stop(t, run)
		if len(run.Prompts()) != 1 || len(g.requests("/ssl-vpn/getconfig.esp")) != 2 {
			t.Errorf("%s: %d prompts, settings asked for %d times", name, len(run.Prompts()), len(g.requests("/ssl-vpn/getconfig.esp")))
		}
	}
}

// ESP that nobody answers gives way to TLS; a later try of ESP, with other keys, closes
// TLS when it is answered.
func TestESPFailsAndComesBack(t *testing.T) {
	g := newGate(t)
	h := plugintest.NewHost(t)
	g.at(h)
	h.Answer("login", map[string]string{"username": "alice", "password": password})
	run := h.Run(fresh(), profile(nil))
	run.Config()
	first := run.Path()
	run.Send(sdk.PathEvent{Path: first.ID, Kind: sdk.PathDead, Reason: "no sign of life"})
	stream := run.Path()
	packets(t, stream)
	again := run.Path()
	stream.Gone()
	run.Send(sdk.PathEvent{Path: again.ID, Kind: sdk.PathUp})
	packets(t, again)
	if got := len(g.requests("/ssl-vpn/getconfig.esp")); got != 2 {
		t.Errorf("settings were asked for %d times", got)
	}
	stop(t, run)
}

func TestESPWithoutAnAnswer(t *testing.T) {
	g := newGate(t)
	h := plugintest.NewHost(t)
	g.at(h)
	h.Answer("login", map[string]string{"username": "alice", "password": password})
	run := h.Run(&plugin{pace: tunnel.Pace{ESPAnswer: time.Millisecond, ESPAgain: time.Hour}}, profile(nil))
	run.Config()
	run.Path().Gone()
	packets(t, run.Path())
	stop(t, run)
}

func TestESPDies(t *testing.T) {
	g := newGate(t)
	_, run, path := overESP(t, g)
	run.Send(sdk.PathEvent{Path: path.ID, Kind: sdk.PathDead, Reason: "no sign of life"})
	packets(t, run.Path())
	stop(t, run)
}

// A rekey keeps the path and the old keys for a moment.
func TestRekeyInPlace(t *testing.T) {
	g := newGate(t)
	_, run, path := overESP(t, g)
	run.Send(sdk.SAExpired{Path: path.ID, SPI: 0x1001, Outbound: true})
	run.Until("the new keys alone", func(*plugintest.Run) bool {
		all := path.SAs()
		return len(all) == 2 && all[0].SPI == 0x1002 && all[1].SPI == 0x2002
	})
	packets(t, path)
	if got := len(run.Opens()); strings.Count(fmt.Sprint(run.Opens()), "udp:{}") != 1 {
		t.Errorf("%d transports: %v", got, run.Opens())
	}
	stop(t, run)
}

func TestNetworkChange(t *testing.T) {
	g := newGate(t)
	_, run, path := overESP(t, g)
	run.Send(sdk.NetworkChange{Reachable: true})
	next := run.Path()
	if next.Replaces != path.ID {
		t.Errorf("path %d does not replace %d", next.ID, path.ID)
	}
	run.Send(sdk.PathEvent{Path: next.ID, Kind: sdk.PathUp})
	packets(t, next)
	if got := g.requests("/ssl-vpn/getconfig.esp")[1].Get("preferred-ip"); got != "10.0.0.2" {
		t.Errorf("asked for %q", got)
	}
	stop(t, run)
}

func TestSessionThatEnded(t *testing.T) {
	g := newGate(t)
	_, run := start(t, g, map[string]string{"no-dtls": "true"})
	run.Config()
	run.Path()
	g.mu.Lock()
	g.dead = true
	g.mu.Unlock()
	g.cut(0)
	wants(t, run, sdk.Reauth, diag.AuthRefused, "any more")
}

func TestCrashAndAdoption(t *testing.T) {
	g := newGate(t)
	h, run, path := overESP(t, g)
	run.Until("the checkpoint", func(*plugintest.Run) bool {
		return strings.Contains(string(h.Checkpoint()), fmt.Sprintf(`"ESPPath":%d,`, path.ID))
	})
	if strings.Contains(string(h.Checkpoint()), "CwsLCw") {
		t.Error("the checkpoint holds keys of ESP")
	}
	run.Kill()
	resumed := profile(nil)
	resumed.Resume = true
	run = h.Run(fresh(), resumed)
	run.Until("the adoption", func(r *plugintest.Run) bool { return len(r.Progress()) > 0 })
	packets(t, path)
	if len(run.Opens())+len(run.Prompts()) != 0 {
		t.Error("the adopted tunnel was opened again")
	}
	run.Send(sdk.PathEvent{Path: path.ID, Kind: sdk.PathDead, Reason: "no sign of life"})
	packets(t, run.Path())
	stop(t, run)
}

func TestResumeWithoutAPath(t *testing.T) {
	g := newGate(t)
	h, run, path := overESP(t, g)
	run.Until("the checkpoint", func(*plugintest.Run) bool {
		return strings.Contains(string(h.Checkpoint()), fmt.Sprintf(`"ESPPath":%d,`, path.ID))
	})
	run.Kill()
	another := plugintest.NewHost(t)
	g.at(another)
	resumed := profile(nil)
	resumed.Resume, resumed.Checkpoint = true, h.Checkpoint()
	run = another.Run(fresh(), resumed)
	run.Config()
	run.Path()
	if len(run.Prompts()) != 0 {
		t.Error("asked somebody")
	}
	stop(t, run)
}

func TestNoTunnelNeeded(t *testing.T) {
	g := newGate(t)
	g.will("/ssl-vpn/getconfig.esp", answer{200, `<response status="success"><need-tunnel>no</need-tunnel></response>`})
	_, run := start(t, g, nil)
	wants(t, run, sdk.Never, diag.SessionEnded, "no tunnel")
}

// A report is made by the user's program, which does not get the session's key.
func TestReport(t *testing.T) {
	needed := answer{200, `<response status="success"><hip-report-needed>yes</hip-report-needed></response>`}
	for name, c := range map[string]struct {
		options map[string]string
		report  string
	}{
		"program": {map[string]string{"csd-wrapper": "/hip"}, "<hip-report>mine</hip-report>"},
		"minimal": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGate(t)
			g.will("/ssl-vpn/hipreportcheck.esp", needed)
			h, run := start(t, g, c.options)
			h.Answer("program", map[string]string{"exit_status": "0", "stdout": c.report})
			run.Config()
			run.Path()
			run.Until("the report", func(*plugintest.Run) bool { return len(g.requests("/ssl-vpn/hipreport.esp")) == 1 })
			sent := g.requests("/ssl-vpn/hipreport.esp")[0]
			if report := sent.Get("report"); c.report != "" && report != c.report || !strings.Contains(report, "hip-report") {
				t.Errorf("sent %q", report)
			}
			if sent.Get("client-role") != "global-protect-full" || sent.Get("authcookie") != authCookie || sent.Get("client-ip") != "10.0.0.2" {
				t.Errorf("sent with %v", sent)
			}
			token := g.requests("/ssl-vpn/hipreportcheck.esp")[0].Get("md5")
			for _, p := range run.Prompts() {
				if p.Program == nil {
					continue
				}
				args := strings.Join(p.Program.Args, " ")
				if strings.Contains(args, authCookie) || !strings.Contains(args, "--md5 "+token) || !strings.HasPrefix(args, "--cookie portal=GW-N&user=Alice.A") || p.Program.Env[0] != [2]string{"APP_VERSION", "6.2.0-1"} {
					t.Errorf("called with %s, %v", args, p.Program.Env)
				}
			}
			stop(t, run)
		})
	}
}
