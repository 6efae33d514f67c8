package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/daemon"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestMain lets the tests run this binary as penstock, with a host that connects to nothing.
func TestMain(m *testing.M) {
	if dir := os.Getenv("PENSTOCK_TEST_RUN"); dir != "" {
		a := &app{stdin: os.Stdin, out: newOutput(os.Stdout, os.Stderr), ready: daemon.Take(), runDirs: []string{dir}, hold: pretend(dir)}
		os.Exit(a.main(context.Background(), os.Args[1:]))
	}
	os.Exit(m.Run())
}

// manifest is of a plugin with an option of each kind.
const manifest = `contract = 1
name = "testing"
version = "1.2.3"
exec = "program"
sha256 = "%x"
needs = ["tls"]
[[protocol]]
name = "testproto"
label = "A protocol for tests"
[[option]]
key = "authgroup"
type = "string"
label = "Group"
help = "Group to log in to."
[[option]]
key = "dtls"
type = "bool"
default = "true"
label = "DTLS"
help = "Use DTLS."
[[option]]
key = "compression"
type = "enum"
choices = ["none", "lz4"]
label = "Compression"
help = "How packets are compressed."
[[option]]
key = "token"
type = "string"
secret = true
label = "Token"
help = "Secret of the second factor."
`

// pluginFolder is a folder with the plugin "testing".
func pluginFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	program := []byte("#!/bin/sh\n")
	if err := os.WriteFile(filepath.Join(dir, "program"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(manifest, sha256.Sum256(program))
	if err := os.WriteFile(filepath.Join(dir, "testing.toml"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Setenv(registry.EnvPath, dir)
	return dir
}

// outcomeOf is what one run of the program did.
type outcomeOf struct {
	status   int
	out, err string
	profile  *host.Profile // what would have been connected
	settings host.Settings
}

// penstock runs the program in this process; a connection is only looked at.
func penstock(t *testing.T, args ...string) outcomeOf {
	t.Helper()
	var got outcomeOf
	var out, err bytes.Buffer
	stdin, openErr := os.Open(os.DevNull)
	if openErr != nil {
		t.Fatal(openErr)
	}
	defer stdin.Close()
	a := &app{stdin: stdin, out: &output{sink: &sink{out: &out, err: &err}}, runDirs: []string{filepath.Join(t.TempDir(), "run")}}
	a.hold = func(_ context.Context, p host.Profile, _ ui.Prompter, _ netcfg.Applier, s host.Settings) error {
		got.profile, got.settings = &p, s
		return nil
	}
	got.status = a.main(t.Context(), args)
	got.out, got.err = out.String(), err.String()
	return got
}

// golden compares text with testdata/NAME.golden.
func golden(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if text != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", name, text, want)
	}
}

// change makes another program of the plugin's.
func change(t *testing.T, dir string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "program"), []byte("#!/bin/false\n"), 0o755); err != nil {
		t.Fatal(err)
	}
}
