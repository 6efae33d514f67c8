package ui

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/prompt"
)

// freePort is a port of loopback that nobody uses at this moment.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func sso(port int) prompt.Prompt {
	return prompt.Prompt{Sso: &prompt.Sso{URL: "https://vpn.test/login?a=b",
		Loopback: &prompt.Loopback{Port: port, PathPrefix: "/api/sso/", RedirectParam: "return"}}}
}

// get asks as a browser does that is told not to follow.
func get(t *testing.T, method, host, address string) (status int, location string) {
	t.Helper()
	r, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = host
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
	return answer.StatusCode, answer.Header.Get("Location")
}

func TestBrowserLogin(t *testing.T) {
	port := freePort(t)
	base := "http://127.0.0.1:" + strconv.Itoa(port)
	localhost := "localhost:" + strconv.Itoa(port)
	var shown bytes.Buffer
	b := NewBrowser("gateway.test", &shown, Nobody{})
	type reply struct {
		status   int
		location string
	}
	var got []reply
	finished := make(chan struct{})
	b.open = func(address string) error {
		if address != "https://vpn.test/login?a=b" {
			t.Errorf("opened %s", address)
		}
		go func() {
			defer close(finished)
			for _, c := range []struct{ method, host, path string }{
				{"POST", localhost, "/api/sso/x"},
				{"GET", localhost, "/favicon.ico"},
				{"GET", "evil.test:" + strconv.Itoa(port), "/api/sso/evil"},
				{"GET", localhost, "/api/sso/TOKEN?return=" + url.QueryEscape("https://vpn.test/done?x=1")},
			} {
				status, location := get(t, c.method, c.host, base+c.path)
				got = append(got, reply{status, location})
			}
		}()
		return nil
	}
	answer := ask(t, b, sso(port))
	<-finished
	if want := "/api/sso/TOKEN?return=https%3A%2F%2Fvpn.test%2Fdone%3Fx%3D1"; answer["request_uri"] != want {
		t.Errorf("request_uri %q, want %q", answer["request_uri"], want)
	}
	if want := "[{405 } {404 } {404 } {302 https://vpn.test/done?x=1}]"; fmt.Sprint(got) != want {
		t.Errorf("replies %v, want %s", got, want)
	}
	if !strings.Contains(shown.String(), "  https://vpn.test/login?a=b\n") {
		t.Errorf("shown %q", shown.String())
	}
	if c, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
		_ = c.Close()
		t.Error("it still listens")
	}
}

func TestWhereTheBrowserIsSentOnTo(t *testing.T) {
	l := &loopback{ending: prompt.Loopback{RedirectParam: "return"}, hosts: []string{"vpn.test", "", "[::1]"}}
	for address, want := range map[string]bool{
		"https://vpn.test/x": true, "https://VPN.test:8443/": true,
		"http://vpn.test/": false, "https://evil.test/": false, "https://vpn.test.evil.test/": false, "https://vpn.test@evil.test/": false,
		"https://u@vpn.test/": false, "//vpn.test/": false, "javascript:alert(1)": false, "": false, "https://": false, "https://vpn.test\n/": false,
	} {
		if _, ok := l.target(address); ok != want {
			t.Errorf("%s: %v, want %v", address, ok, want)
		}
	}
}

func TestBrowserLoginGivesUpWithItsContext(t *testing.T) {
	b := NewBrowser("", io.Discard, Nobody{})
	ctx, cancel := context.WithCancel(t.Context())
	b.open = func(string) error {
		cancel()
		return errNoDesktop
	}
	if _, err := b.Ask(ctx, sso(freePort(t))); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLoginPagesThatAreRefused(t *testing.T) {
	b := NewBrowser("", io.Discard, Nobody{})
	b.open = func(address string) error {
		t.Errorf("opened %s", address)
		return nil
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	if six, err := net.Listen("tcp", "[::1]:"+strconv.Itoa(port)); err == nil {
		defer six.Close()
	}
	file, low, path, busy := sso(freePort(t)), sso(80), sso(freePort(t)), sso(port)
	file.Sso.URL = "file:///etc/passwd"
	path.Sso.Loopback.PathPrefix = ""
	for name, p := range map[string]prompt.Prompt{"file": file, "low port": low, "path": path, "busy": busy} {
		if _, err := b.Ask(t.Context(), p); diag.Of(err) == nil || diag.Of(err).Detail == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestThePersonBehindRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		if who, ok := person(); !ok || who.credential != nil {
			t.Errorf("%+v %v", who, ok)
		}
		return
	}
	for _, name := range []string{"SUDO_UID", "PKEXEC_UID"} {
		t.Setenv(name, "")
	}
	if _, ok := person(); ok {
		t.Error("root itself is no desktop's user")
	}
	t.Setenv("SUDO_UID", "0")
	if _, ok := person(); ok {
		t.Error("uid 0 is root")
	}
	t.Setenv("PKEXEC_UID", "1") // daemon, on any machine
	t.Setenv("DISPLAY", ":7")
	t.Setenv("API_TOKEN", "secret")
	who, ok := person()
	if !ok || who.credential.Uid != 1 || !who.reachable {
		t.Fatalf("%+v %v", who, ok)
	}
	env := strings.Join(who.env, "\n")
	if lookup(who.env, "DISPLAY") != ":7" || lookup(who.env, "USER") != "daemon" || strings.Contains(env, "API_TOKEN") || strings.Contains(env, "HOME=/root") {
		t.Errorf("environment:\n%s", env)
	}
}

// A browser that the user names is run with the address.
func TestBrowserOfOnesOwn(t *testing.T) {
	t.Setenv("SUDO_UID", "")
	t.Setenv("PKEXEC_UID", "")
	dir := t.TempDir()
	fifo, program := filepath.Join(dir, "fifo"), filepath.Join(dir, "browser")
	must(t, syscall.Mkfifo(fifo, 0o600))
	must(t, os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\" >"+fifo+"\n"), 0o700))
	must(t, NewBrowser("vpn.test", io.Discard, Nobody{}).With(program).open("https://login.test/?a=b"))
	got, err := os.ReadFile(fifo)
	must(t, err)
	if string(got) != "https://login.test/?a=b\n" {
		t.Errorf("it was run with %q", got)
	}
}
