package nm

import "github.com/godbus/dbus/v5"

// ServiceName is the service type of our connections, and the prefix of bus names.
const ServiceName = "org.freedesktop.NetworkManager.penstock"

const (
	networkManager  = "org.freedesktop.NetworkManager"
	pluginInterface = "org.freedesktop.NetworkManager.VPN.Plugin"
	errorPrefix     = "org.freedesktop.NetworkManager.VPN.Error."
	pluginPath      = dbus.ObjectPath("/org/freedesktop/NetworkManager/VPN/Plugin")
)

// State is NMVpnServiceState.
type State uint32

// The states that a service of one connection goes through.
const (
	Init     State = 1
	Starting State = 3
	Started  State = 4
	Stopping State = 5
	Stopped  State = 6
)

// Failure is NMVpnPluginFailure.
type Failure uint32

// What NetworkManager distinguishes.
const (
	LoginFailed   Failure = 0
	ConnectFailed Failure = 1
	BadIPConfig   Failure = 2
)

// The errors of the interface, after errorPrefix.
const (
	startingInProgress = "StartingInProgress"
	alreadyStarted     = "AlreadyStarted"
	stoppingInProgress = "StoppingInProgress"
	alreadyStopped     = "AlreadyStopped"
	wrongState         = "WrongState"
	badArguments       = "BadArguments"
	launchFailed       = "LaunchFailed"
	invalidConnection  = "InvalidConnection"
)

// newError is a D-Bus error of the interface, with words for the log.
func newError(name, text string) *dbus.Error {
	return dbus.NewError(errorPrefix+name, []any{text})
}
