package main

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

func sha1Of(text string) string {
	sum := sha1.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}

var dtlsFields = []string{"X-DTLS-Port: 443", "X-DTLS-App-ID: 0a0b", "X-DTLS-CipherSuite: PSK-NEGOTIATE", "X-DTLS-MTU: 1380"}

func TestConformance(t *testing.T) {
	plugintest.Conformance(t, func() sdk.Plugin { return &plugin{} }, plugintest.Scenario{
		Prepare: func(h *plugintest.Host) {
			newASA(t).at(h)
			h.Answer("main", map[string]string{})
			h.Answer("main", map[string]string{"username": "alice", "password": password})
		},
	})
}

// connect brings a tunnel of alice up.
func connect(t *testing.T, a *asa, options map[string]string) (*plugintest.Host, *plugintest.Run) {
	t.Helper()
	h := plugintest.NewHost(t)
	a.at(h)
	h.Answer("main", map[string]string{"username": "alice", "password": password})
	return h, h.Run(&plugin{}, plugintest.Profile{Protocol: "anyconnect", Options: with(options), Trace: true})
}

func with(options map[string]string) map[string]string {
	all := map[string]string{"gateway": "https://vpn.example.com/", "authgroup": "staff"}
	for key, value := range options {
		all[key] = value
	}
	return all
}

func TestWholeSession(t *testing.T) {
	a := newASA(t)
	a.extra = dtlsFields
	_, run := connect(t, a, nil)
	if c := run.Config(); c.MTU != 1380 || c.Banner != "Hello" || c.Addresses[0].String() != "10.0.0.2/24" {
		t.Errorf("configured %+v", c)
	}
	tls, dtls := run.Path(), run.Path()
	if tls.Kind != "tls" || dtls.Kind != "dtls" || dtls.Preference <= tls.Preference {
		t.Errorf("paths %+v, %+v", tls, dtls)
	}
	for _, p := range []*plugintest.Path{tls, dtls} {
		p.Send([]byte("a packet"))
		if got := string(p.Packet()); got != "a packet" {
			t.Errorf("over %s came back %q", p.Kind, got)
		}
	}
	run.Stop(true)
	if err := run.Wait(); err != nil {
		t.Fatal(err)
	}
	tls.Gone()
	if got := <-a.goodbyes; got != "\xb0Client logged out" {
		t.Errorf("said %q", got)
	}
	if opens := run.Opens(); len(opens) != 2 {
		t.Errorf("%d transports opened: the tunnel takes the login's connection", len(opens))
	}
	for _, line := range run.Progress() {
		if strings.Contains(line.Text, cookie) || strings.Contains(line.Text, password) {
			t.Errorf("a line holds a secret: %s", line.Text)
		}
	}
}

func TestReconnectsWithTheCookie(t *testing.T) {
	a := newASA(t)
	_, run := connect(t, a, map[string]string{"no-dtls": "true"})
	run.Config()
	run.Path()
	a.cut(0)
	again := run.Path()
	again.Send([]byte("x"))
	again.Packet()
	if n := len(run.Prompts()); n != 1 {
		t.Errorf("asked %d times", n)
	}
	a.mu.Lock()
	a.dead = true
	a.mu.Unlock()
	a.cut(1)
	var f *sdk.Failure
	if err := run.Wait(); !errors.As(err, &f) || f.Retry != sdk.Reauth || f.Diagnostics[0].Code != diag.AuthRefused {
		t.Errorf("got %v", err)
	}
}

func TestCrashAndAdoption(t *testing.T) {
	a := newASA(t)
	h, run := connect(t, a, map[string]string{"no-dtls": "true"})
	run.Config()
	path := run.Path()
	run.Until("the checkpoint", func(*plugintest.Run) bool {
		return strings.Contains(string(h.Checkpoint()), fmt.Sprintf(`"TLSPath":%d,`, path.ID))
	})
	run.Kill()
	run = h.Run(&plugin{}, plugintest.Profile{Protocol: "anyconnect", Options: with(map[string]string{"no-dtls": "true"}), Resume: true})
	run.Until("the adoption", func(r *plugintest.Run) bool { return len(r.Progress()) > 0 })
	path.Send([]byte("still there"))
	path.Packet()
	a.say(0, 5, "\x02Idle timeout")
	var f *sdk.Failure
	if err := run.Wait(); !errors.As(err, &f) || f.Retry != sdk.Never || f.Diagnostics[0].Code != diag.SessionEnded || !strings.Contains(f.Diagnostics[0].Summary, "Idle timeout") {
		t.Errorf("got %v", err)
	}
	if len(run.Opens())+len(run.Prompts()) != 0 {
		t.Error("the adopted tunnel was opened again")
	}
}

func TestProfileServer(t *testing.T) {
	a := newASA(t)
	a.profile = `<AnyConnectProfile><ServerList><HostEntry><HostName>Here</HostName><HostAddress>vpn.example.com</HostAddress></HostEntry><HostEntry><HostName>There</HostName><HostAddress>there.example.com</HostAddress><UserGroup>staff</UserGroup></HostEntry></ServerList></AnyConnectProfile>`
	h := plugintest.NewHost(t)
	a.at(h)
	for range 2 {
		h.Answer("main", map[string]string{"username": "alice", "password": password})
	}
	run := h.Run(&plugin{}, plugintest.Profile{Protocol: "anyconnect", Options: with(map[string]string{"no-dtls": "true", "profile-server": "there"})})
	run.Config()
	run.Path()
	if opens := run.Opens(); opens[len(opens)-1].GetHost() != "there.example.com" {
		t.Errorf("opened %v", opens)
	}
	if !slices.ContainsFunc(run.Progress(), func(p plugintest.Progress) bool { return strings.Contains(p.Text, "Here, There") }) {
		t.Errorf("told %v", run.Progress())
	}
	run.Stop(false)
	if err := run.Wait(); err != nil {
		t.Error(err)
	}
}

func TestWrongPassword(t *testing.T) {
	h := plugintest.NewHost(t)
	newASA(t).at(h)
	h.Answer("main", map[string]string{"username": "alice", "password": "Osmium-0815"})
	run := h.Run(&plugin{}, plugintest.Profile{Protocol: "anyconnect", Options: with(nil)})
	var f *sdk.Failure
	if err := run.Wait(); !errors.As(err, &f) || f.Retry != sdk.Never || f.Diagnostics[0].Code != diag.AuthRefused {
		t.Errorf("got %v", err)
	}
}
