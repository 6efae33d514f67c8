package main

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/gate"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func profile(options map[string]string) plugintest.Profile {
	p := plugintest.Profile{Protocol: "cisco-ipsec", Trace: true, Options: map[string]string{"gateway": "vpn.example.com", "group-name": "staff"}}
	maps.Copy(p.Options, options)
	return p
}

func host(t *testing.T, g *gateway) *plugintest.Host {
	h := plugintest.NewHost(t)
	h.Gateway("udp", plugintest.Any, g.serve)
	h.Answer("main", answers())
	return h
}

func answers() map[string]string {
	return map[string]string{"group-password": groupKey, "username": "alice", "password": userPass}
}

func TestConformance(t *testing.T) {
	plugintest.Conformance(t, func() sdk.Plugin { return &plugin{} }, plugintest.Scenario{
		Prepare: func(h *plugintest.Host) {
			h.Gateway("udp", plugintest.Any, newGateway(t).serve)
			h.Answer("main", answers())
		},
		Profile: profile(nil),
	})
}

func TestWholeSession(t *testing.T) {
	for name, options := range map[string]map[string]string{"aggressive mode": nil, "main mode": {"mode": "main"}, "a port of its own": {"gateway": "vpn.example.com:4501"}} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			run := host(t, g).Run(&plugin{}, profile(options))
			c := run.Config()
			if c.Addresses[0].String() != "10.0.0.2/32" || c.DNS[0].String() != "10.0.0.1" || c.Banner != "Hello" || len(c.Routes) != 1 ||
				c.Routes[0].String() != "10.0.0.0/8" || !slices.Equal(c.SplitDNS, []string{"corp.test", "lab.test"}) || c.Search[0] != "corp.test" {
				t.Errorf("configured %+v", c)
			}
			path := run.Path()
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
			<-g.deleted
			for _, line := range run.Progress() {
				if strings.Contains(line.Text, groupKey) || strings.Contains(line.Text, userPass) {
					t.Errorf("a secret is in %q", line.Text)
				}
			}
		})
	}
}

// A code after the password, and a new PIN after that, are asked for with the gateway's words.
func TestRounds(t *testing.T) {
	g := newGateway(t)
	g.gate.Rounds = append(g.gate.Rounds,
		gate.Round{Ask: []ike1.Attribute{{Type: ike1.XAuthMessage, Value: []byte("Next code")}, {Type: ike1.XAuthPasscode}}, Right: map[uint16]string{ike1.XAuthPasscode: "123456"}},
		gate.Round{Ask: []ike1.Attribute{{Type: ike1.XAuthNextPIN}}, Right: map[uint16]string{ike1.XAuthNextPIN: "9876"}})
	h := host(t, g)
	h.Answer("challenge", map[string]string{"passcode": "123456"})
	h.Answer("challenge", map[string]string{"next-pin": "9876"})
	run := h.Run(&plugin{}, profile(nil))
	run.Config()
	run.Path()
	if asked := run.Prompts(); len(asked) != 3 {
		t.Errorf("%d prompts", len(asked))
	}
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

// What ends a tunnel says when to try again.
func TestEnds(t *testing.T) {
	for name, test := range map[string]struct {
		end   func(*gateway, *plugintest.Run, *plugintest.Path)
		retry sdk.Retry
	}{
		"lost path": {func(_ *gateway, r *plugintest.Run, p *plugintest.Path) {
			r.Send(sdk.PathEvent{Path: p.ID, Kind: sdk.PathDead, Reason: "silence"})
		}, sdk.Backoff},
		"another network":             {func(_ *gateway, r *plugintest.Run, _ *plugintest.Path) { r.Send(sdk.NetworkChange{Reachable: true}) }, sdk.Now},
		"a gateway that says goodbye": {func(g *gateway, _ *plugintest.Run, _ *plugintest.Path) { g.say((*gate.Gate).Leave) }, sdk.Backoff},
		"an SA that is used up": {func(_ *gateway, r *plugintest.Run, p *plugintest.Path) {
			r.Send(sdk.SAExpired{Path: p.ID, SPI: p.SAs()[0].SPI, Outbound: true, Hard: true})
		}, sdk.Now},
	} {
		t.Run(name, func(t *testing.T) {
			g := newGateway(t)
			run := host(t, g).Run(&plugin{}, profile(nil))
			run.Config()
			path := run.Path()
			test.end(g, run, path)
			var f *sdk.Failure
			if err := run.Wait(); !errors.As(err, &f) || f.Retry != test.retry {
				t.Errorf("ended with %+v, want to try again %v", err, test.retry)
			}
		})
	}
}

// A run after one that died logs in again without asking anybody.
func TestRestart(t *testing.T) {
	h := host(t, newGateway(t))
	run := h.Run(&plugin{}, profile(nil))
	run.Config()
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

func TestWrongGroupPassword(t *testing.T) {
	g := newGateway(t)
	g.gate.Key = []byte("another")
	err := host(t, g).Run(&plugin{}, profile(nil)).Wait()
	var f *sdk.Failure
	if !errors.As(err, &f) || f.Retry != sdk.Never || f.Diagnostics[0].Code != diag.AuthRefused || f.Diagnostics[0].Option != "group-password" {
		t.Errorf("%+v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, test := range []struct{ key, value, words string }{
		{"gateway", "https://vpn.example.com/", ""}, {"gateway", "2001:db8::1", ""}, {"gateway", "", "gateway's address"}, {"gateway", "a b", "gateway's address"},
		{"ike", "aes256-sha256-modp2048,aes128-sha1-modp2048", ""}, {"ike", "aes256-sha256-modp2048,aes128-sha1-modp1024", "several groups"},
		{"ike", "3des-md5-modp1024", ""}, {"ike", "aes256-modp2048", "needs a cipher"}, {"ike", "rot13", "unknown"}, {"ike", "aes128-sha1-curve25519", "unknown"},
		{"esp", "aes128-sha1,aes256gcm16", ""}, {"esp", "3des-sha1", ""}, {"esp", "des-sha1", "not supported"}, {"esp", "3des", "needs a hash"}, {"esp", "aes128", "needs a hash"}, {"esp", "aes128gcm16-sha1", "needs a hash"},
		{"pfs", "modp1024", ""}, {"pfs", "none", "unknown"},
	} {
		values := map[string]string{"gateway": "vpn.example.com", "group-name": "staff", test.key: test.value}
		all := (&plugin{}).Validate(values)
		switch {
		case test.words == "" && len(all) > 0:
			t.Errorf("%s=%s: %v", test.key, test.value, &all[0])
		case test.words != "" && (len(all) == 0 || all[0].Option != test.key || !strings.Contains(all[0].Error(), test.words)):
			t.Errorf("%s=%s: %v, want %q", test.key, test.value, all, test.words)
		}
	}
}

func TestModes(t *testing.T) {
	for _, test := range []struct {
		values     map[string]string
		aggressive bool
	}{
		{map[string]string{"group-name": "staff"}, true}, {nil, false}, {map[string]string{"group-name": "staff", "mode": "main"}, false},
		{map[string]string{"auth": "cert", "group-name": "staff"}, false}, {map[string]string{"auth": "cert", "mode": "aggressive"}, true},
		{map[string]string{"auth": "hybrid", "group-name": "staff"}, true},
	} {
		values := map[string]string{"gateway": "vpn.example.com"}
		maps.Copy(values, test.values)
		o, err := readOptions(values)
		if err != nil || o.machine.Aggressive != test.aggressive {
			t.Errorf("%v: aggressive %v, %v", test.values, o != nil && o.machine.Aggressive, err)
		}
	}
}
