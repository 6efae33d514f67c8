// Package host is the composition root: Run brings one connection up and holds it
// until it ends. It joins a plugin, the transports, the data plane and whoever
// applies the network settings; it knows no protocol.
package host

import (
	"log/slog"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/internal/trace"
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
	// OnState is called after each change of state, in order; nil: nobody listens.
	OnState func(Status)
}

// Status is a snapshot of a running connection.
type Status = control.Status

// StateConnected is Status.State while packets have a way.
const StateConnected = control.Connected
