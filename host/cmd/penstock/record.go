package main

import (
	"github.com/penstock-vpn/penstock/host/internal/trace"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// record begins the file of --trace; nil when none is wanted.
func (a *app) record(f *connectFlags) (*trace.Recorder, error) {
	switch {
	case f.trace == "" && f.traceSecrets:
		return nil, usage("--trace-secrets adds to what --trace records", "write --trace FILE.pcapng too")
	case f.trace == "":
		return nil, nil
	}
	file, err := trace.Create(absolute(f.trace))
	if err != nil {
		return nil, diag.New(diag.Config, "the file of --trace cannot be made", err.Error())
	}
	return trace.New(file, trace.Options{Application: "penstock " + version, Secrets: f.traceSecrets, Warn: func(text string) {
		a.out.diagnostic(diag.Diagnostic{Warning: true, Summary: text})
	}}), nil
}
