package machine

import (
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

// Ask is what the gateway asks of the user by XAUTH. The answer is Answered.
type Ask struct {
	Message string   // of the gateway; "": it says nothing
	Fields  []uint16 // kinds of attributes, such as ike1.XAuthPassword
	Again   bool     // the same was answered before, and is asked again
}

// Up says that the tunnel can be made: Settings and the first SAs.
type Up struct {
	Settings sdk.NetConfig // empty in transport mode
	SAs      []sdk.SA
}

// Install adds or replaces SAs, in that order.
type Install struct{ SAs []sdk.SA }

// Remove removes an inbound SA.
type Remove struct{ SPI uint32 }

// Trace is a line about a message, for who asked to see them.
type Trace struct{ Text string }

// Ended is the last effect. Err is nil after Stop.
type Ended struct{ Err error }

func (Send) effect()    {}
func (Verify) effect()  {}
func (Sign) effect()    {}
func (Ask) effect()     {}
func (Up) effect()      {}
func (Install) effect() {}
func (Remove) effect()  {}
func (Trace) effect()   {}
func (Ended) effect()   {}
