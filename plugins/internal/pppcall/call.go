// Package pppcall runs PPP in the call of a tunnel: what SSTP, PPTP and L2TP have in common.
//
//	tunnel ── Begin, Frame, Tick, Take ──> Call ── machine of PPP
//	       <─ Carrier: Send, Bind, Up, Ended ─┘
package pppcall

import (
	"context"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Options of a call.
type Options struct {
	PPP   ppp.Config // but for its MRU and Trace
	MTU   int        // the user's limit inside the tunnel; 0: none
	DPD   time.Duration
	Trace bool
	// Ask puts a question of the gateway to the user, NewPassword asks for a new password.
	Ask         func(ctx context.Context, text string) (string, error)
	NewPassword func(ctx context.Context, text string) (string, error)
}

// Host is what a call asks of the host.
type Host interface {
	Configure(ctx context.Context, c sdk.NetConfig) error
	Phase(p sdk.Phase) error
	Info(format string, args ...any)
	Warn(format string, args ...any)
	TraceText(text string)
}

// Carrier is the tunnel that a call is in. An error ends the session.
type Carrier interface {
	// Connected says that there is a path, Over that nothing more is wanted.
	Connected() bool
	Over() bool
	// Send sends a frame.
	Send(f ppp.Send) error
	// Bind is told of the first login, Encrypt how packets are encrypted from now on.
	Bind(a ppp.Authenticated) error
	Encrypt(e *ppp.Encryption) error
	// Up makes the path, if there is none: the machine's settings are in force.
	Up(n ppp.Network) error
	// Ended says that PPP is over; err is nil after Stop.
	Ended(err error) error
}

// Call is PPP in a call. Only the tunnel's own goroutine uses it; who waits for a person
// does so in a goroutine that reports over Answers.
type Call struct {
	ctx     context.Context
	host    Host
	carrier Carrier
	o       Options

	machine   *ppp.Machine // nil: before Begin
	encrypted bool         // packets are, by MPPE
	answers   chan Answer
	work      sync.WaitGroup

	expires *time.Timer // of what the gateway must do now
	waiting bool        // that is not over
	late    string      // what it is
}

// Answer is what somebody said, or what became of work: for Take.
type Answer func(time.Time) []ppp.Effect

// stepTime is how long the gateway may take for a step ([MS-SSTP] 3.2.2 has the same).
const stepTime = 60 * time.Second

// New is a call before its first frame. ctx ends with the session.
func New(ctx context.Context, host Host, carrier Carrier, o Options) *Call {
	c := &Call{ctx: ctx, host: host, carrier: carrier, o: o, answers: make(chan Answer, 1), expires: time.NewTimer(stepTime)}
	c.expires.Stop()
	return c
}

// Begin begins PPP with that MRU.
func (c *Call) Begin(mru int) error {
	c.o.PPP.MRU, c.o.PPP.Trace = mru, c.o.Trace
	c.machine = ppp.New(c.o.PPP)
	c.Wait("the login")
	return c.do(c.machine.Begin(time.Now()))
}

// Resume goes on with a call that has a path.
func (c *Call) Resume(mru int, saved ppp.Saved) {
	c.o.PPP.MRU, c.o.PPP.Trace = mru, c.o.Trace
	c.machine = ppp.Resume(time.Now(), c.o.PPP, saved)
}

// Begun says that PPP has begun.
func (c *Call) Begun() bool { return c.machine != nil }

// Saved is what Resume needs; nil: there is nothing to go on with.
func (c *Call) Saved() *ppp.Saved { return c.machine.Saved() }

// Frame takes a frame of the gateway.
func (c *Call) Frame(protocol uint16, payload []byte) error {
	if c.machine == nil {
		return nil
	}
	return c.do(c.machine.Frame(time.Now(), protocol, payload))
}

// Whole takes a frame with its protocol before it. What is none is dropped.
func (c *Call) Whole(frame []byte) error {
	protocol, payload, err := ppp.ParseFrame(frame)
	if err != nil {
		return nil
	}
	return c.Frame(protocol, payload)
}

// Deadline is when Tick is due; zero: never.
func (c *Call) Deadline() time.Time {
	if c.machine == nil {
		return time.Time{}
	}
	return c.machine.Deadline()
}

// Tick is called at the Deadline.
func (c *Call) Tick() error {
	if c.machine == nil {
		return nil
	}
	return c.do(c.machine.Tick(time.Now()))
}

// Answers is where Take's come from.
func (c *Call) Answers() <-chan Answer { return c.answers }

// Take handles an answer.
func (c *Call) Take(a Answer) error { return c.do(a(time.Now())) }

// Stop ends PPP.
func (c *Call) Stop() error {
	if c.machine == nil {
		return nil
	}
	return c.do(c.machine.Stop(time.Now()))
}

// Wait gives the gateway time for a step; late is what it has not answered after that.
func (c *Call) Wait(late string) {
	c.late, c.waiting = late, true
	c.expires.Reset(stepTime)
}

// goodbyeTime is how long the gateway may take to say goodbye.
const goodbyeTime = 2 * time.Second

// Goodbye gives the gateway time to hear of the end; the host waits for limit, if not 0.
func (c *Call) Goodbye(limit time.Duration) {
	most := goodbyeTime
	if limit > 0 {
		most = min(most, limit/2)
	}
	c.expires.Reset(most)
}

// Rest waits for nothing any more.
func (c *Call) Rest() {
	c.waiting = false
	c.expires.Stop()
}

// Expired tells that the time of Wait or Goodbye is over.
func (c *Call) Expired() <-chan time.Time { return c.expires.C }

// Late is the failure to answer in time.
func (c *Call) Late() error {
	return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway does not answer "+c.late, "It accepted the connection. Try again later."))
}

// Close waits for who waits for a person, once the session's context has ended.
func (c *Call) Close() {
	c.expires.Stop()
	gone := make(chan struct{})
	go func() { c.work.Wait(); close(gone) }()
	for {
		select {
		case <-gone:
			return
		case <-c.answers:
		}
	}
}
