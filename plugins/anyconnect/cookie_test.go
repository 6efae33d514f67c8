package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/plugintest"
)

// withCookie runs a session whose option cookie is stored.
func withCookie(t *testing.T, a *asa, text string) *plugintest.Run {
	t.Helper()
	h := plugintest.NewHost(t)
	a.at(h)
	h.Answer("cookie", map[string]string{"cookie": text})
	return h.Run(&plugin{}, plugintest.Profile{
		Protocol: "anyconnect", Options: with(map[string]string{"no-dtls": "true"}), Stored: []string{"password", cookieOption}, Trace: true,
	})
}

// A cookie goes straight to the tunnel, and is signed for when it comes with a key.
func TestCookieInPlaceOfALogin(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	strap := base64.StdEncoding.EncodeToString(der)
	for text, bound := range map[string]*ecdsa.PublicKey{
		cookie: nil, "webvpn=" + cookie: nil,
		"openconnect_strapkey=" + strap + "; webvpn=" + cookie: &key.PublicKey,
	} {
		a := newASA(t)
		a.bound = bound
		run := withCookie(t, a, text)
		run.Config()
		path := run.Path()
		path.Send([]byte("a packet"))
		path.Packet()
		if prompts := run.Prompts(); a.pages != 0 || len(prompts) != 1 || prompts[0].Form.Fields[0].Option != cookieOption {
			t.Errorf("%d login requests, prompts %+v", a.pages, prompts)
		}
		if opens := run.Opens(); len(opens) != 1 {
			t.Errorf("%d connections to the gateway", len(opens))
		}
		run.Stop(true)
		if err := run.Wait(); err != nil {
			t.Error(err)
		}
		if slices.ContainsFunc(run.Progress(), func(p plugintest.Progress) bool {
			return strings.Contains(p.Text, cookie) || strings.Contains(p.Text, strap)
		}) {
			t.Error("a line holds the cookie or its key")
		}
	}
}

func TestCookieThatIsRefused(t *testing.T) {
	for text, want := range map[string]diag.Code{"webvpn=Xenon-54": diag.AuthRefused, "webvpn=busy": diag.AuthRefused, "a=b; c=d": diag.Config} {
		err := withCookie(t, newASA(t), text).Wait()
		var f *sdk.Failure
		if !errors.As(err, &f) || f.Retry != sdk.Never || f.Diagnostics[0].Code != want || f.Diagnostics[0].Option != cookieOption {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

// A session that ended later is logged in to again, with what is stored.
func TestCookieOfASessionThatEnded(t *testing.T) {
	a := newASA(t)
	run := withCookie(t, a, cookie)
	run.Config()
	run.Path()
	a.mu.Lock()
	a.dead = true
	a.mu.Unlock()
	a.cut(0)
	var f *sdk.Failure
	if err := run.Wait(); !errors.As(err, &f) || f.Retry != sdk.Reauth {
		t.Errorf("got %v", err)
	}
}

// A session is handed out with the key that it is bound to, as the option takes it.
func TestSharedLogin(t *testing.T) {
	for _, sso := range []string{"auto", "off"} {
		a := newASA(t)
		h := plugintest.NewHost(t)
		a.at(h)
		h.Answer("main", map[string]string{"username": "alice", "password": password})
		run := h.Run(&plugin{}, plugintest.Profile{Protocol: "anyconnect", Options: with(map[string]string{"sso": sso}), LoginOnly: true})
		text, gateway := run.LoggedIn()
		value, keys, err := auth.ParseCookie(text)
		if value != cookie || (keys != nil) != (sso == "auto") || err != nil || gateway != "https://vpn.example.com/" {
			t.Errorf("%s: %q of %s: %v", sso, text, gateway, err)
		}
		if err := run.Wait(); err != nil {
			t.Error(err)
		}
		if slices.Contains(run.Phases(), sdk.Negotiating) {
			t.Error("it went on")
		}
	}
}
