// Package sdk is what a protocol plugin imports. A plugin authenticates and
// negotiates; it then tells the host which transports carry packets, how they are
// framed and what the network looks like. It has no network, no TUN device and no
// files of its own: all it can use is what the host opens for it.
//
//	func main() { sdk.Serve(&myProtocol{}) }
package sdk

import (
	"context"

	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// Plugin is one protocol, or several of a family.
type Plugin interface {
	// Describe is pure and quick: it is also called when packages are built.
	Describe() Description
	// Connect runs one session until it ends. It returns nil after a Stop, a
	// *Failure when the session cannot go on, and any other error for a bug: the host
	// shows it and does not try again. ctx ends when the host goes away.
	Connect(ctx context.Context, s *Session) error
}

// Validator is a Plugin that checks options against each other.
type Validator interface {
	Validate(options map[string]string) []diag.Diagnostic
}

// Description is what a plugin is.
type Description struct {
	Name      string // [a-z0-9-]{1,32}
	Version   string // semantic version
	Protocols []Protocol
	Options   option.Schema // its own; the host adds gateway, username, mtu, ...
	Needs     []string      // NeedTCP, NeedTLS, NeedUDP, NeedDTLS, NeedRaw, NeedESP, NeedClientCertificate
}

// Protocol is one value of the option `protocol`.
type Protocol struct {
	Name  string // "anyconnect"
	Label string // "Cisco AnyConnect"
	// TLSPort says that the first transport is TLS to the host of the option gateway,
	// at this port where that names none: the host opens it while the plugin starts.
	// 0: it is something else.
	TLSPort int
}

// What a plugin may need of the host.
const (
	NeedTCP               = "tcp"
	NeedTLS               = "tls"
	NeedUDP               = "udp"
	NeedDTLS              = "dtls"
	NeedRaw               = "raw"
	NeedESP               = "esp"
	NeedClientCertificate = "client-certificate"
)

// Retry says what the host shall do after a Failure.
type Retry int

const (
	Never   Retry = iota // end the connection
	Now                  // resume at once, with the checkpoint
	Backoff              // resume after a pause or a change of the network, with the checkpoint
	Reauth               // start again without the checkpoint
)

// Failure is how a session ends when it cannot go on.
type Failure struct {
	Retry       Retry
	Diagnostics []diag.Diagnostic
}

// Fail is the Failure of one reason, which is read with diag.Of.
func Fail(retry Retry, why error) error {
	return &Failure{Retry: retry, Diagnostics: []diag.Diagnostic{*diag.Of(why)}}
}

// Error returns the first diagnostic's text.
func (f *Failure) Error() string {
	if len(f.Diagnostics) == 0 {
		return "the session failed"
	}
	return f.Diagnostics[0].Error()
}

// Unwrap returns the diagnostics.
func (f *Failure) Unwrap() []error {
	errs := make([]error, len(f.Diagnostics))
	for i := range f.Diagnostics {
		errs[i] = &f.Diagnostics[i]
	}
	return errs
}
