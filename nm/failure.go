package nm

import (
	"github.com/godbus/dbus/v5"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// failureOf is the reason that NetworkManager gives to people; the words of d are in
// the log.
func failureOf(d *diag.Diagnostic) Failure {
	switch d.Code {
	case diag.AuthRefused, diag.Cancelled:
		return LoginFailed
	case diag.Invalid:
		return BadIPConfig
	}
	return ConnectFailed
}

// refusal is the reply to a Connect that cannot even begin. It names the option.
func refusal(err error) *dbus.Error {
	d := diag.Of(err)
	text := d.Error()
	if d.Option != "" {
		text = "vpn.data " + d.Option + ": " + text
	}
	switch d.Code {
	case diag.Plugin:
		return newError(launchFailed, text)
	case diag.Invalid:
		return newError(invalidConnection, text)
	}
	return newError(badArguments, text)
}
