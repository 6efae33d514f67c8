// Package asroot keeps a process of root's for a connection whose own process gives root up
// once there is a TUN device: only that one runs the vpnc-script and sets the device's MTU.
//
//	connection, as a user  ---- what to do, how it went: JSON over a socket ---->  helper, as root
//
// The helper believes nothing that it is told: the script and the device are settled while the
// connection is still root's, and what is asked for later are network settings, as a gateway
// may send them. When the connection ends, however that is, the helper has the script undo
// what it did, and ends.
package asroot

import "github.com/penstock-vpn/penstock/host/netcfg"

// helperName is argv[0] of the helper.
const helperName = "penstock-as-root"

// socketFD is the helper's end of the socket.
const socketFD = 3

// maxMessage bounds a message in bytes; the largest holds a gateway's whole settings.
const maxMessage = 4 << 20

// beginning is the first message.
type beginning struct {
	Device  string
	Script  string // see vpncscript.Options
	PID     int
	Environ []string
	Level   int // of what is logged
}

// What the helper does.
const (
	doApply        = "apply"
	doReconnecting = "reconnecting"
	doReconnected  = "reconnected"
	doMTU          = "mtu"
)

// order is each further one.
type order struct {
	Do     string
	Config netcfg.Config
	MTU    int
}

// answer says how it went; nothing at all means well.
type answer struct {
	Failed          bool
	Code            int // of a diag.Diagnostic
	Summary, Detail string
	Said            []line
}

// line is of the log; Script, when it is the script's own.
type line struct {
	Level  int
	Text   string
	Script string
}
