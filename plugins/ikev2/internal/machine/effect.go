package machine

import (
	"context"
	"crypto"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/sdk"
)

// Effect is something that the machine wants done: one of the types of this file.
type Effect interface{ effect() }

// Send is a datagram for the gateway.
type Send struct {
	// Port is 500 or 4500. On the latter, four zero bytes go in front.
	Port     uint16
	Datagram []byte
}

// Verify asks whether a chain of certificates, the gateway's own first, is trusted and
// belongs to Name; ID is what it must have in it too, when the user named one. The
// answer is Verified.
type Verify struct {
	Chain [][]byte
	Name  string
	ID    *ike.ID // nil: the user named none
}

// Sign asks for a signature by the user's key. The answer is Signed.
type Sign struct {
	Digest []byte
	Opts   crypto.SignerOpts
}

// Ask is a question of the gateway for the user. The answer is Answered.
type Ask struct{ Text string }

// Await is to wait until Done is closed: EAP is at work. The answer is Awaited.
type Await struct {
	Done <-chan struct{}
	Do   func(context.Context) // to be called, if it is not nil: it closes Done
}

// Up says that the tunnel can be made: Settings and the first SAs.
type Up struct {
	Settings sdk.NetConfig
	SAs      []sdk.SA
	Way
}

// Way is how packets of ESP get to the gateway.
type Way struct {
	BehindNAT bool // there is a NAT in front of us whose mapping is to be kept
	Plain     bool // there is none at all, and they go without UDP around them
}

// Install adds or replaces SAs, in that order.
type Install struct{ SAs []sdk.SA }

// Moved is to attach the transport that the last messages went over, with these SAs, in
// place of the path; or one of ESP alone, if the way is plain.
type Moved struct {
	SAs []sdk.SA
	Way
}

// Remove removes an inbound SA.
type Remove struct{ SPI uint32 }

// Redirected is to begin again at another gateway. Before Up the machine ends with it.
type Redirected struct {
	Gateway string
	Proved  bool // who says so has proved to be the gateway
}

// Reauthenticate is to log in anew by another machine, and to put its tunnel in the place of
// this one's in time.
type Reauthenticate struct{}

// Keep is to be given to the next machine for the same gateway; nil: what there was is
// no good any more. It is as secret as a password.
type Keep struct{ Ticket *Ticket }

// Trace is a line about a message, for who asked to see them.
type Trace struct{ Text string }

// Ended is the last effect. Err is nil after Stop.
type Ended struct{ Err error }

func (Send) effect()           {}
func (Verify) effect()         {}
func (Sign) effect()           {}
func (Ask) effect()            {}
func (Await) effect()          {}
func (Up) effect()             {}
func (Install) effect()        {}
func (Moved) effect()          {}
func (Remove) effect()         {}
func (Redirected) effect()     {}
func (Reauthenticate) effect() {}
func (Keep) effect()           {}
func (Trace) effect()          {}
func (Ended) effect()          {}
