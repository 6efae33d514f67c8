package main

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/sstp/internal/gate"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func profile() plugintest.Profile {
	return plugintest.Profile{Protocol: "sstp", Trace: true, Options: map[string]string{"gateway": "vpn.example.com", "auth-methods": methods, "eap-methods": "tls,mschapv2,md5"}}
}

const (
	user     = "alice"
	password = "Iridium-4711"
)

// newGate is a gate for h, with these changes.
func newGate(t *testing.T, h *plugintest.Host, change func(*gate.Policy)) *gate.Gate {
	p := gate.Policy{
		Certificate: h.TLS.PeerChain[0], User: user, Password: password,
		Address: netip.MustParseAddr("10.0.0.2"), Peer: netip.MustParseAddr("10.0.0.1"), DNS: netip.MustParseAddr("10.0.0.53"),
	}
	change(&p)
	g := gate.New(p, nil)
	h.Gateway("tls", plugintest.Any, g.Serve)
	t.Cleanup(func() {
		if err := g.Faults(); err != nil {
			t.Error(err)
		}
	})
	return g
}

// alice has h lead to a gate, which is returned, and know her password.
func alice(t *testing.T, h *plugintest.Host) *gate.Gate {
	h.Answer("main", map[string]string{"username": user, "password": password})
	return newGate(t, h, func(*gate.Policy) {})
}

func TestConformance(t *testing.T) {
	plugintest.Conformance(t, func() sdk.Plugin { return &plugin{} }, plugintest.Scenario{
		Prepare: func(h *plugintest.Host) { alice(t, h) },
		Profile: profile(),
	})
}

// up brings a tunnel up.
func up(t *testing.T, options map[string]string) (*gate.Gate, *plugintest.Host, *plugintest.Run, *plugintest.Path) {
	t.Helper()
	h := plugintest.NewHost(t)
	g := alice(t, h)
	p := profile()
	maps.Copy(p.Options, options)
	run := h.Run(&plugin{}, p)
	return g, h, run, run.Path()
}

func TestWholeSession(t *testing.T) {
	g, _, run, path := up(t, nil)
	c := run.Config()
	if len(c.Addresses) != 1 || c.Addresses[0].String() != "10.0.0.2/32" || c.DNS[0].String() != "10.0.0.53" || c.MTU != 1400 || c.Routes[0].String() != "0.0.0.0/0" {
		t.Errorf("configured %+v", c)
	}
	packet := append([]byte{0x45}, "a packet"...)
	path.Send(packet)
	if got := path.Packet(); !slices.Equal(got, packet) {
		t.Errorf("%q came back", got)
	}
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	path.Gone()
	if g.Left() != 1 {
		t.Error("nobody said goodbye")
	}
	for _, line := range run.Progress() {
		if strings.Contains(line.Text, password) {
			t.Errorf("the password is in %q", line.Text)
		}
	}
}

// What ends a tunnel says when to try again.
func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(*plugintest.Run, *plugintest.Path)
		retry sdk.Retry
		code  diag.Code
	}{
		"lost path": {func(r *plugintest.Run, p *plugintest.Path) {
			r.Send(sdk.PathEvent{Path: p.ID, Kind: sdk.PathDead, Reason: "silence"})
		}, sdk.Backoff, diag.Unreachable},
		"another network": {func(r *plugintest.Run, _ *plugintest.Path) { r.Send(sdk.NetworkChange{Reachable: true}) }, sdk.Now, diag.Unreachable},
		"sleep":           {func(r *plugintest.Run, _ *plugintest.Path) { r.Send(sdk.Wake{}) }, sdk.Now, diag.Unreachable},
		"disconnect": {func(r *plugintest.Run, p *plugintest.Path) {
			r.Send(sdk.ControlFrame{Path: p.ID, Type: sstp.TypeControl, Payload: sstp.Message{Type: sstp.CallDisconnect}.Append(nil)})
		}, sdk.Backoff, diag.SessionEnded},
		"abort": {func(r *plugintest.Run, p *plugintest.Path) {
			r.Send(sdk.ControlFrame{Path: p.ID, Type: sstp.TypeControl, Payload: sstp.Message{Type: sstp.CallAbort}.Append(nil)})
		}, sdk.Backoff, diag.SessionEnded},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, run, path := up(t, nil)
			test.end(run, path)
			var f *sdk.Failure
			if err := run.Wait(); !errors.As(err, &f) || f.Retry != test.retry || f.Diagnostics[0].Code != test.code {
				t.Errorf("ended with %+v, want to try again %v", err, test.retry)
			}
		})
	}
}

// A run after one that died logs in again without asking anybody.
func TestRestart(t *testing.T) {
	g, h, run, path := up(t, nil)
	run.Kill()
	_ = run.Wait()
	g.Hangup()
	path.Gone()
	p := profile()
	p.Resume = true
	again := h.Run(&plugin{}, p)
	again.Path()
	if n := len(again.Prompts()); n != 0 {
		t.Errorf("%d prompts", n)
	}
	again.Stop(true)
	if err := again.Wait(); err != nil {
		t.Error(err)
	}
}

// A run after one that died goes on with its tunnel.
func TestResume(t *testing.T) {
	g, h, run, path := up(t, nil)
	run.Until("a checkpoint of the tunnel", func(*plugintest.Run) bool { return strings.Contains(string(h.Checkpoint()), "Tunnel") })
	run.Kill()
	_ = run.Wait()
	p := profile()
	p.Resume = true
	again := h.Run(&plugin{}, p)
	packet := append([]byte{0x45}, "a packet"...)
	path.Send(packet)
	if got := path.Packet(); !slices.Equal(got, packet) {
		t.Errorf("%q came back", got)
	}
	g.Renegotiate()
	if f := path.Sent(); f.Type != framing.InPPP|0xc021 {
		t.Errorf("a frame of type %#x", f.Type)
	}
	again.Stop(true)
	if err := again.Wait(); err != nil {
		t.Error(err)
	}
	if n := len(again.Opens()) + len(again.Prompts()); n != 0 || g.Left() != 1 {
		t.Errorf("%d connections and prompts, %d left", n, g.Left())
	}
}

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*plugintest.Host, *gate.Policy, map[string]string)
		code    diag.Code
		words   string
	}{
		"password": {func(h *plugintest.Host, _ *gate.Policy, _ map[string]string) {
			h.Answer("main", map[string]string{"username": user, "password": "wrong-1"})
			h.Answer("main", map[string]string{"username": user, "password": "wrong-2"})
			h.Answer("main", map[string]string{"username": user, "password": "wrong-3"})
		}, diag.AuthRefused, "refused the login"},
		"no SSTP": {func(h *plugintest.Host, g *gate.Policy, _ map[string]string) {
			h.Answer("main", map[string]string{"username": user, "password": password})
			g.Status = "404 Not Found"
		}, diag.Protocol, "404"},
		"method": {func(h *plugintest.Host, _ *gate.Policy, o map[string]string) {
			h.Answer("main", map[string]string{"username": user, "password": password})
			o["auth-methods"] = "pap"
		}, diag.Config, "auth-methods"},
		"certificate": {func(_ *plugintest.Host, _ *gate.Policy, o map[string]string) {
			o["auth-methods"], o["eap-methods"] = "eap", "tls"
		}, diag.Config, "no certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			h := plugintest.NewHost(t)
			p := profile()
			newGate(t, h, func(policy *gate.Policy) { test.prepare(h, policy, p.Options) })
			var f *sdk.Failure
			err := h.Run(&plugin{}, p).Wait()
			if !errors.As(err, &f) || f.Retry != sdk.Never || f.Diagnostics[0].Code != test.code || !strings.Contains(f.Error(), test.words) {
				t.Errorf("%v", err)
			}
		})
	}
}
