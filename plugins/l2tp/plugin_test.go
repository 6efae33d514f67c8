package main

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/l2tp"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func profile(options map[string]string) plugintest.Profile {
	p := plugintest.Profile{Protocol: "l2tp", Trace: true, Options: map[string]string{"gateway": "vpn.example.com", "auth-methods": "pap"}}
	maps.Copy(p.Options, options)
	return p
}

// told has h know what a person would type.
func told(h *plugintest.Host, key, password string) {
	h.Answer("psk", map[string]string{"psk": key})
	h.Answer("main", map[string]string{"username": "alice", "password": password})
}

func host(t *testing.T, g *gateway) *plugintest.Host {
	h := plugintest.NewHost(t)
	h.Gateway("udp", plugintest.Any, g.serve)
	told(h, sharedText, userPass)
	return h
}

func TestConformance(t *testing.T) {
	plugintest.Conformance(t, func() sdk.Plugin { return &plugin{} }, plugintest.Scenario{
		Prepare: func(h *plugintest.Host) {
			h.Gateway("udp", plugintest.Any, newGateway(t).serve)
			told(h, sharedText, userPass)
		},
		Profile: profile(nil),
	})
}

// echoes sends a packet and wants it back.
func echoes(t *testing.T, path *plugintest.Path) {
	t.Helper()
	packet := append([]byte{0x45}, "a packet"...)
	path.Send(packet)
	if got := path.Packet(); !slices.Equal(got, packet) {
		t.Errorf("%q came back", got)
	}
}

func TestWholeSession(t *testing.T) {
	for name, numbered := range map[string]bool{"without numbers": false, "with numbers": true} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			g.numbered = numbered
			run := host(t, g).Run(&plugin{}, profile(nil))
			c := run.Config()
			if len(c.Addresses) != 1 || c.Addresses[0].String() != "10.0.0.2/32" || c.DNS[0].String() != "10.0.0.53" || c.MTU != 1400 || c.Routes[0].String() != "0.0.0.0/0" {
				t.Errorf("configured %+v", c)
			}
			path := run.Path()
			echoes(t, path)
			for _, sa := range path.SAs() {
				if sa.First < 2 {
					t.Errorf("%v goes on with %d: the login used none", sa, sa.First)
				}
			}
			g.renew()
			run.Until("new keys", func(*plugintest.Run) bool { return len(path.SAs()) >= 3 })
			g.say(l2tp.Hello, 0)
			path.Sent()
			run.Stop(true)
			if err := run.Wait(); err != nil {
				t.Fatal(err)
			}
			path.Gone()
			<-g.deleted
			want := []l2tp.Kind{l2tp.StartRequest, l2tp.StartConnected, l2tp.InRequest, l2tp.InConnected, l2tp.Disconnect, l2tp.StopConnection}
			if heard, wrong := g.counts(); !slices.Equal(heard, want) || wrong != 0 {
				t.Errorf("the gateway heard %v, and %d messages of data were numbered wrongly", heard, wrong)
			}
			for _, line := range run.Progress() {
				if strings.Contains(line.Text, sharedText) || strings.Contains(line.Text, userPass) {
					t.Errorf("a secret is in %q", line.Text)
				}
			}
		})
	}
}

// A gateway that begins anew with LCP has its login and its addresses agreed on again, and
// the tunnel stays.
func TestNegotiatedAnew(t *testing.T) {
	g := newGateway(t)
	run := host(t, g).Run(&plugin{}, profile(nil))
	run.Config()
	path := run.Path()
	echoes(t, path)
	<-g.ppp.agreed
	g.renegotiate()
	<-g.ppp.agreed
	echoes(t, path)
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
	if n := len(run.Prompts()); n != 2 {
		t.Errorf("%d questions, want those of the login", n)
	}
}

// What ends a tunnel says when to try again.
func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(*gateway, *plugintest.Run, *plugintest.Path)
		retry sdk.Retry
		code  diag.Code
	}{
		"lost path": {func(_ *gateway, r *plugintest.Run, p *plugintest.Path) {
			r.Send(sdk.PathEvent{Path: p.ID, Kind: sdk.PathDead, Reason: "silence"})
		}, sdk.Backoff, diag.Unreachable},
		"another network": {func(_ *gateway, r *plugintest.Run, _ *plugintest.Path) { r.Send(sdk.NetworkChange{Reachable: true}) }, sdk.Now, diag.Unreachable},
		"sleep":           {func(_ *gateway, r *plugintest.Run, _ *plugintest.Path) { r.Send(sdk.Wake{}) }, sdk.Now, diag.Unreachable},
		"goodbye of the tunnel": {func(g *gateway, _ *plugintest.Run, _ *plugintest.Path) {
			g.say(l2tp.StopConnection, 0, avp(l2tp.AssignedTunnel, 7), avp(l2tp.ResultCode, 6))
		}, sdk.Backoff, diag.SessionEnded},
		"goodbye of the call": {func(g *gateway, _ *plugintest.Run, _ *plugintest.Path) {
			g.say(l2tp.Disconnect, g.call, avp(l2tp.AssignedSession, 8), avp(l2tp.ResultCode, 3))
		}, sdk.Backoff, diag.SessionEnded},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			run := host(t, g).Run(&plugin{}, profile(nil))
			path := run.Path()
			echoes(t, path)
			test.end(g, run, path)
			var f *sdk.Failure
			if err := run.Wait(); !errors.As(err, &f) || f.Retry != test.retry || f.Diagnostics[0].Code != test.code {
				t.Errorf("ended with %+v, want to try again %v", err, test.retry)
			}
		})
	}
}

// A run after one that died logs in again without asking anybody.
func TestRestart(t *testing.T) {
	first := newGateway(t)
	h := host(t, first)
	run := h.Run(&plugin{}, profile(nil))
	run.Path()
	run.Kill()
	_ = run.Wait()
	h.Gateway("udp", plugintest.Any, newGateway(t).serve)
	p := profile(nil)
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

func TestRefusals(t *testing.T) {
	for name, test := range map[string]struct {
		key, password string
		options       map[string]string
		code          diag.Code
		option        string
	}{
		"password":            {sharedText, "wrong", nil, diag.AuthRefused, ""},
		"pre-shared key":      {"wrong", userPass, nil, diag.AuthRefused, "psk"},
		"no key":              {"", userPass, nil, diag.Config, "psk"},
		"login by PAP":        {sharedText, userPass, map[string]string{"auth-methods": "mschapv2"}, diag.Config, "auth-methods"},
		"unknown proposal":    {sharedText, userPass, map[string]string{"ike": "rot13"}, diag.Config, "ike"},
		"a gateway of IPv6":   {sharedText, userPass, map[string]string{"gateway": "[2001:db8::1]"}, diag.Config, "gateway"},
		"a gateway's path":    {sharedText, userPass, map[string]string{"gateway": "vpn.example.com/x"}, diag.Config, "gateway"},
		"ciphers that differ": {sharedText, userPass, map[string]string{"esp": "aes256-sha1"}, diag.Config, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := plugintest.NewHost(t)
			h.Gateway("udp", plugintest.Any, func() *gateway { return newGateway(t) }().serve)
			told(h, test.key, test.password)
			for range tries.Max - 1 {
				h.Answer("main", map[string]string{"username": "alice", "password": test.password})
			}
			var f *sdk.Failure
			if err := h.Run(&plugin{}, profile(test.options)).Wait(); !errors.As(err, &f) || f.Diagnostics[0].Code != test.code ||
				test.option != "" && f.Diagnostics[0].Option != test.option {
				t.Errorf("ended with %+v", err)
			}
		})
	}
}
