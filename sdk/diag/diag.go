// Package diag holds what a person must read when something goes wrong: a
// sentence, the reason with the next step, and the option at fault. Host, plugins,
// command line and NetworkManager service share it.
package diag

import (
	"errors"
	"fmt"
	"strings"
)

// Code classifies a failure; the command line turns it into its exit status.
type Code int

const (
	Unspecified    Code = iota
	Config              // an option is wrong
	AuthRefused         // the gateway refused the credentials, or none could be had
	Unreachable         // no answer from the gateway
	Certificate         // the gateway's certificate was refused
	Protocol            // the peer sent something that the protocol does not allow
	SessionEnded        // the gateway ended the session: limit, administrator, reboot
	Cancelled           // the user cancelled
	UnknownMessage      // contract: the receiver does not know this message
	NotPermitted        // contract: not permitted in this phase
	Invalid             // contract: the message contradicts itself or what is installed
	Plugin              // the plugin is missing, changed or broke the contract
)

// Diagnostic is one thing a person must read. It is an error; the zero Severity is an error too.
type Diagnostic struct {
	Warning bool
	Code    Code
	Summary string // what happened: one sentence, no trailing period needed
	Detail  string // why, and what to do next
	Option  string // key of the option at fault, "" when none is
}

// Error joins summary and detail in one line.
func (d *Diagnostic) Error() string {
	if d.Detail == "" {
		return d.Summary
	}
	return strings.TrimSuffix(d.Summary, ".") + ": " + d.Detail
}

// New makes an error diagnostic; detail says why and what to do next.
func New(code Code, summary, detail string) *Diagnostic {
	return &Diagnostic{Code: code, Summary: summary, Detail: detail}
}

// Newf is New with a formatted summary and no detail.
func Newf(code Code, format string, args ...any) *Diagnostic {
	return &Diagnostic{Code: code, Summary: fmt.Sprintf(format, args...)}
}

// With returns a copy of d with the option at fault named.
func (d *Diagnostic) With(option string) *Diagnostic {
	c := *d
	c.Option = option
	return &c
}

// Of finds the diagnostic in err's chain, or wraps err in one of Unspecified code. Of(nil) is nil.
func Of(err error) *Diagnostic {
	if err == nil {
		return nil
	}
	var d *Diagnostic
	if errors.As(err, &d) {
		return d
	}
	return &Diagnostic{Summary: err.Error()}
}
