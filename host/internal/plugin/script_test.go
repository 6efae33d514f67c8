package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// A script is executed by the interpreter that its first line names, from a copy that
// nobody can change.
func TestScriptPlugin(t *testing.T) {
	needRoot(t)
	script, err := filepath.Abs("testdata/probe.py")
	if err != nil {
		t.Fatal(err)
	}
	m := manifest(t, script, "argument")
	m.Auth = registry.AuthPeerCred
	p := started(t, m)
	if got, want := said(t, opened(t, p)), "/plugin/probe.py True argument fd"; got != want {
		t.Errorf("it said %q, want %q", got, want)
	}
}

func TestScriptWithoutAnInterpreter(t *testing.T) {
	needRoot(t)
	for line, want := range map[string]string{
		"#!/usr/bin/env python3":   "must name the interpreter itself",
		"#!/opt/python/bin/python": "executing the interpreter /opt/python/bin/python: no such file or directory",
		"print('hello')":           "neither an ELF program nor a script",
	} {
		script := filepath.Join(t.TempDir(), "probe")
		if err := os.WriteFile(script, []byte(line+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := Start(t.Context(), Launch{Manifest: manifest(t, script)})
		if diag.Of(err).Code != diag.Plugin || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
}
