package main

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func profile() plugintest.Profile {
	return plugintest.Profile{Protocol: "ikev2", Trace: true, Options: map[string]string{
		"gateway": "vpn.example.com", "auth": "psk", "local-id": "alice@example.com", "remote-id": "vpn.example.com"}}
}

func TestConformance(t *testing.T) {
	plugintest.Conformance(t, func() sdk.Plugin { return &plugin{} }, plugintest.Scenario{
		Prepare: func(h *plugintest.Host) {
			h.Gateway("udp", plugintest.Any, newGateway(t).serve)
			h.Answer("main", map[string]string{"psk": secretKey})
		},
		Profile: profile(),
	})
}

func TestWholeSession(t *testing.T) {
	g := newGateway(t)
	h := plugintest.NewHost(t)
	h.Gateway("udp", plugintest.Any, g.serve)
	h.Answer("main", map[string]string{"psk": secretKey})
	run := h.Run(&plugin{}, profile())
	c := run.Config()
	if c.Addresses[0].String() != "10.0.0.2/32" || c.DNS[0].String() != "10.0.0.1" || c.Banner != "Hello" || len(c.Routes) != 1 || c.Routes[0].String() != "10.0.0.0/8" {
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
		if strings.Contains(line.Text, secretKey) {
			t.Errorf("the key is in %q", line.Text)
		}
	}
}

// Where there is no NAT, ESP goes alone if it may, and asks for an answer from within the
// tunnel. When none comes it goes in UDP, here by another login, since the gateway cannot
// be told.
func TestPlainESP(t *testing.T) {
	g := newGateway(t)
	g.honest = true
	h := plugintest.NewHost(t)
	h.Gateway("udp", plugintest.Any, g.serve)
	h.Gateway("raw", plugintest.Any, g.serve)
	h.Answer("main", map[string]string{"psk": secretKey})
	p := profile()
	p.Options["udp-encap"] = "auto"
	run := h.Run(&plugin{}, p)
	run.Config()
	path := run.Path()
	opens := run.Opens()
	if last := opens[len(opens)-1]; last.GetRaw().GetProtocol() != sdk.ProtocolESP || last.GetHost() != "192.0.2.2" {
		t.Errorf("opened %v last", last)
	}
	if probe := path.Spec.Rules.Probe; len(probe.Packet) == 0 || len(probe.Answer) == 0 {
		t.Error("nothing proves the path")
	}
	packet := append([]byte{0x45}, "a packet"...)
	path.Send(packet)
	if got := path.Packet(); !slices.Equal(got, packet) {
		t.Errorf("%q came back", got)
	}
	run.Send(sdk.PathEvent{Path: path.ID, Kind: sdk.PathDead, Reason: "silence"})
	var f *sdk.Failure
	if err := run.Wait(); !errors.As(err, &f) || f.Retry != sdk.Now {
		t.Fatalf("ended with %v", err)
	}
	g = newGateway(t)
	g.honest = true
	h.Gateway("udp", plugintest.Any, g.serve)
	p.Resume = true
	again := h.Run(&plugin{}, p)
	again.Path()
	for _, o := range again.Opens() {
		if o.GetRaw() != nil {
			t.Error("it is tried again")
		}
	}
	again.Stop(true)
	if err := again.Wait(); err != nil {
		t.Error(err)
	}
}

// up brings a tunnel up.
func up(t *testing.T, options map[string]string) (*gateway, *plugintest.Host, *plugintest.Run, *plugintest.Path) {
	t.Helper()
	g := newGateway(t)
	h := plugintest.NewHost(t)
	h.Gateway("udp", plugintest.Any, g.serve)
	h.Answer("main", map[string]string{"psk": secretKey})
	p := profile()
	maps.Copy(p.Options, options)
	run := h.Run(&plugin{}, p)
	run.Config()
	return g, h, run, run.Path()
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
		"a gateway without MOBIKE, and another network": {func(_ *gateway, r *plugintest.Run, _ *plugintest.Path) {
			r.Send(sdk.NetworkChange{Reachable: true})
		}, sdk.Now},
		"a gateway that says goodbye": {func(g *gateway, _ *plugintest.Run, _ *plugintest.Path) { g.leave() }, sdk.Backoff},
		"an SA that is used up": {func(_ *gateway, r *plugintest.Run, p *plugintest.Path) {
			r.Send(sdk.SAExpired{Path: p.ID, SPI: p.SAs()[0].SPI, Outbound: true, Hard: true})
		}, sdk.Now},
	} {
		t.Run(name, func(t *testing.T) {
			g, _, run, path := up(t, nil)
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
	_, h, run, _ := up(t, nil)
	run.Kill()
	_ = run.Wait()
	g := newGateway(t)
	h.Gateway("udp", plugintest.Any, g.serve)
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

func TestPortOfItsOwn(t *testing.T) {
	_, _, run, _ := up(t, map[string]string{"gateway": "vpn.example.com:4501"})
	for _, o := range run.Opens() {
		if o.GetPort() != 4501 {
			t.Errorf("port %d was opened", o.GetPort())
		}
	}
	run.Stop(false)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

func TestWrongKey(t *testing.T) {
	h := plugintest.NewHost(t)
	h.Gateway("udp", plugintest.Any, newGateway(t).serve)
	h.Answer("main", map[string]string{"psk": "another"})
	err := h.Run(&plugin{}, profile()).Wait()
	var f *sdk.Failure
	if !errors.As(err, &f) || f.Retry != sdk.Never || f.Diagnostics[0].Code != diag.AuthRefused || f.Diagnostics[0].Option != "psk" {
		t.Errorf("%+v", err)
	}
}

func TestOptions(t *testing.T) {
	for _, test := range []struct{ key, value, words string }{
		{"gateway", "https://vpn.example.com/", ""}, {"gateway", "2001:db8::1", ""}, {"gateway", "[2001:db8::1]:4500", ""},
		{"gateway", "", "gateway's address"}, {"gateway", "a b", "gateway's address"}, {"gateway", "vpn:0", "gateway's address"},
		{"ike", "aes256-sha256-modp2048,aes128gcm16-prfsha256-ecp256", ""}, {"ike", "aes256-modp2048", "pseudo-random"},
		{"ike", "aes256-prfsha1-ecp256", "integrity"}, {"ike", "aes256gcm16-sha256-ecp256", "none with GCM"}, {"ike", "rot13", "unknown"},
		{"ike", "aes128gcm16-prfsha256", "no group"}, {"esp", "aes128-sha1-modp1024", ""}, {"esp", "3des-sha1", "unknown"}, {"esp", "aes128", "integrity"},
		{"eap-methods", "mschapv2", ""}, {"eap-methods", "leap", "leap"}, {"local-id", "{x}:a", "1 to 255"}, {"remote-id", "CN=vpn, O=Example", ""},
		{"esp", "aes256gcm16-ecp256-ke1_mlkem768", ""}, {"esp-lifebytes", "1000000000", ""}, {"esp-lifebytes", "1", "all the time"},
	} {
		values := map[string]string{"gateway": "vpn.example.com", test.key: test.value}
		all := (&plugin{}).Validate(values)
		switch {
		case test.words == "" && len(all) > 0:
			t.Errorf("%s=%s: %v", test.key, test.value, &all[0])
		case test.words != "" && (len(all) == 0 || all[0].Option != test.key || !strings.Contains(all[0].Error(), test.words)):
			t.Errorf("%s=%s: %v, want %q", test.key, test.value, all, test.words)
		}
	}
}
