// Package session is the life of one connection as a pure state machine: what
// happened goes in, what to do comes out. It does no I/O and reads no clock.
//
//	        Started          Up (configured and a path)
//	Starting ----> LoggingIn ------------------------> Up
//	   ^               |                              |  ^
//	   |               | Failed, never up             |  | Up again
//	   |               v                 Failed{retry},  |
//	   |             Ended               Crashed      |  |
//	   |               ^                              v  |
//	   |               |  deadline, Failed{never}   Waiting
//	   +---------------|-------------- retry ---------+
//	                   |
//	 any -- Stop --> Stopping -- SessionEnded, deadline --> Ended
//
// While Waiting, and while starting again after having been up, the TUN device
// and the network settings stay: applications see a slow network, not a lost one.
package session

import (
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Phase is where a connection is in its life.
type Phase int

const (
	Starting Phase = iota // a plugin is being started or resumed
	LoggingIn
	Up
	Waiting // for the next try
	Stopping
	Ended
)

// String names the phase.
func (p Phase) String() string {
	return [...]string{"starting", "logging in", "up", "waiting", "stopping", "ended"}[p]
}

// Retry is how a plugin wants a failure handled.
type Retry int

const (
	Never Retry = iota
	Now
	Backoff
	Reauth
)

// State is all that the machine knows. The zero State has not begun.
type State struct {
	Phase   Phase
	WasUp   bool      // has been up once: failures are tried again
	Lost    bool      // was up, and is not now
	LostAt  time.Time // when it was lost after it had been up for long enough
	Tries   int       // since then
	Reauths int       // logins again, since then
	Crashes int       // of the plugin, since it was up for long enough
	UpAt    time.Time
	Err     *diag.Diagnostic // why it ended; nil: on request
}

// Limits of a connection's patience.
type Limits struct {
	Reconnect time.Duration // from the loss of the path to giving up; 0: never
	Stop      time.Duration // what a plugin gets to say goodbye
}

const (
	maxCrashes   = 5                // in a row; then the plugin is given up
	stableAfter  = time.Minute      // up for so long, earlier crashes are forgotten
	flapping     = 10 * time.Second // up for less, it was not up: the patience goes on
	maxReauths   = 1                // logins again, for one loss of the tunnel or before it was ever up
	firstBackoff = time.Second      // doubles up to
	maxBackoff   = 10 * time.Second
)
