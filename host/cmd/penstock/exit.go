package main

import (
	"errors"
	"fmt"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// The exit statuses; statuses in help.go tells them to people.
const (
	exitOK          = 0
	exitOther       = 1
	exitConfig      = 2
	exitAuth        = 3
	exitUnreachable = 4
	exitCertificate = 5
	exitPlugin      = 6
)

// exitWith carries the exit status of another process, which has said why.
type exitWith int

func (e exitWith) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// problems are several diagnostics; the first one decides the exit status.
type problems []diag.Diagnostic

func (p problems) Error() string { return p[0].Error() }

func (p problems) Unwrap() error { return &p[0] }

// exitStatus is what the process ends with because of err.
func exitStatus(err error) int {
	if err == nil {
		return exitOK
	}
	var with exitWith
	if errors.As(err, &with) {
		return int(with)
	}
	switch diag.Of(err).Code {
	case diag.Config:
		return exitConfig
	case diag.AuthRefused:
		return exitAuth
	case diag.Unreachable:
		return exitUnreachable
	case diag.Certificate:
		return exitCertificate
	case diag.Plugin:
		return exitPlugin
	}
	return exitOther
}

// usage is a mistake on the command line.
func usage(summary, detail string) error {
	return diag.New(diag.Config, summary, detail)
}

// split parts what is wrong from what is only worth a warning.
func split(found []diag.Diagnostic) (errs problems, warnings []diag.Diagnostic) {
	for _, d := range found {
		if d.Warning {
			warnings = append(warnings, d)
		} else {
			errs = append(errs, d)
		}
	}
	return errs, warnings
}
