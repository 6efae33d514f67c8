package session

import (
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Event is something that happened.
type Event interface{ event() }

type (
	// Started: the plugin runs and its session stream is open.
	Started struct{}
	// CameUp: network settings are in force and a path carries packets.
	CameUp struct{}
	// PathsLost: no path carries packets any more; the plugin may still mend that.
	PathsLost struct{ Why *diag.Diagnostic }
	// Failed: the plugin said that its session cannot go on.
	Failed struct {
		Retry Retry
		Why   *diag.Diagnostic
	}
	// Crashed: the plugin died or broke the contract.
	Crashed struct{ Why *diag.Diagnostic }
	// SessionEnded: the plugin ended its session without a failure.
	SessionEnded struct{}
	// Stop: the user or the system wants the connection to end.
	Stop struct{ Logout bool }
	// Broken: the host itself cannot go on, for example without a TUN device.
	Broken struct{ Why *diag.Diagnostic }
	// Nudge: the network changed, the machine woke or the user asked for a reconnect.
	Nudge struct{}
	// RetryDue: the pause before the next try is over.
	RetryDue struct{}
	// Deadline: the patience of Reconnect or Stop is over.
	Deadline struct{}
)

func (Started) event()      {}
func (CameUp) event()       {}
func (PathsLost) event()    {}
func (Failed) event()       {}
func (Crashed) event()      {}
func (SessionEnded) event() {}
func (Stop) event()         {}
func (Broken) event()       {}
func (Nudge) event()        {}
func (RetryDue) event()     {}
func (Deadline) event()     {}

// Effect is something to do, in order.
type Effect interface{ effect() }

type (
	// Start starts the plugin's session: fresh, or with what is kept.
	Start struct{ Resume bool }
	// Wait sends RetryDue after For; a later Wait or Start replaces it.
	Wait struct{ For time.Duration }
	// ArmDeadline sends Deadline after For; it replaces an earlier one. For 0: disarm.
	ArmDeadline struct{ For time.Duration }
	// SayStop asks the plugin to end.
	SayStop struct{ Logout bool }
	// Reconnecting and Reconnected tell hooks and people.
	Reconnecting struct{ Why *diag.Diagnostic }
	// Reconnected follows a Reconnecting.
	Reconnected struct{}
	// Finish removes everything; Err is nil when it was asked for.
	Finish struct{ Err *diag.Diagnostic }
)

func (Start) effect()        {}
func (Wait) effect()         {}
func (ArmDeadline) effect()  {}
func (SayStop) effect()      {}
func (Reconnecting) effect() {}
func (Reconnected) effect()  {}
func (Finish) effect()       {}
