// Package host is the composition root: Run brings one connection up and holds it
// until it ends. It joins a plugin, the transports, the data plane and whoever
// applies the network settings; it knows no protocol.
package host

import (
	"context"
	"crypto/x509"
	"log/slog"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/internal/trace"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/secret"
)

// Profile is one connection as the user described it. Options are the host's and
// the plugin's together, checked by Schema, without defaults.
type Profile struct {
	Name     string // [A-Za-z0-9_.-]{1,64}: names the control socket
	Protocol string
	Options  option.Values
	Secrets  map[string]secret.String // by option key
	Source   string                   // file or "command line", for messages
}

// Command is what a signal or the control socket asks of a running connection.
type Command int

const (
	Disconnect Command = iota // log out and end
	Hangup                    // end, leave the session alive at the gateway
	Reconnect                 // check the path now
)

// Settings are what Run needs beside the profile.
type Settings struct {
	PluginDirs []string // searched before the system's
	Logger     *slog.Logger
	Trace      func(text string) // receives the control conversation; nil: off
	Recorder   *trace.Recorder   // records the conversation and packets; nil: off
	Commands   <-chan Command    // nil: none
	Patience   time.Duration     // with a connection of the same name that is just ending
	// OpenDevice makes what stands for the TUN device, from the first settings; nil: a TUN
	// device of the kernel's, which needs root. It must not wait.
	OpenDevice func(netcfg.Config) (tun.Device, error)
	// OnLogin has the plugin hand out its session; nil: nobody wants it.
	OnLogin   func(Login)
	LoginOnly bool // end then, and leave the session alive at the gateway
	// Trust says whether to trust a gateway whose certificate, the first of chain, is not
	// for the reason why; nil: Prompter is asked.
	Trust func(ctx context.Context, host string, chain []*x509.Certificate, why error) (bool, error)
	// OnOpen is told of each transport that stands, by the name it was opened for; nil: nobody listens.
	OnOpen func(host string, i Opened)
	// OnState is called after each change of state, in order; nil: nobody listens.
	OnState func(Status)
}

// Opened is what is known of a transport.
type Opened = transport.Info

// Status is a snapshot of a running connection.
type Status = control.Status

// StateConnected is Status.State while packets have a way.
const StateConnected = control.Connected
