// Package machine is a client of IKEv2 (RFC 7296) as a state machine: datagrams, times
// and answers go in, Effects come out. It does no I/O, has no clock and starts no
// goroutine.
//
//	Begin ─> IKE_SA_INIT ─> IKE_AUTH ... ─> Up ── Rekey, Move, Tick, Receive ──> Ended
//	          │  ^             │  ^                                               ^
//	          └──┘             └──┘ Verified, Signed, Answered                    │
//	   cookie, other group        └────────────── refused ───────────────────────┘
//
// Every method takes the time it is called at and returns what is to be done, in order.
// Deadline says when Tick is due.
package machine

import (
	"errors"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// Machine is one IKE SA with its child, and the SAs that take their places. One
// goroutine uses it at a time.
type Machine struct {
	c   Config
	now time.Time
	out []Effect

	sas    []*ikeSA // the current one first; then those that were replaced, until they are deleted
	init   *initiation
	login  *login
	wait   func(any) error // takes the answer that an Effect asked for; nil: none is awaited
	timers []timer

	kids     []*child // as sas
	renewing *renewal // nil: no SA is being replaced at our wish
	pending  *demand  // of the gateway, whose further key exchanges are to come; nil: none
	lost     int      // renewals in a row that the gateway forgot before they were done
	moving   bool     // the next child goes to a new address
	up       bool
	leaving  bool
	ended    bool
	heard    time.Time // when something authentic came last
	floated  bool      // to port 4500
	way      Way       // of ESP
	mobike   bool      // the gateway can
	limits   int       // that the gateway set to the session, so far
	inPieces bool      // so are long messages sent, where RFC 7383 is unknown
	pieces   ike.Pieces
}

type timer struct {
	at time.Time
	do func() error
}

// New makes a machine, which does nothing before Begin.
func New(c Config) *Machine { return &Machine{c: c.withDefaults()} }

// step does f at the time now and returns what comes of it. An error ends the machine.
func (m *Machine) step(now time.Time, f func() error) []Effect {
	if m.ended {
		return nil
	}
	m.now = now
	if err := f(); err != nil {
		m.end(err)
	}
	out := m.out
	m.out = nil
	return out
}

func (m *Machine) emit(e Effect) { m.out = append(m.out, e) }

func (m *Machine) end(err error) {
	if m.ended {
		return
	}
	m.ended = true
	m.farewell()
	if errors.Is(err, errStopped) {
		err = nil
	}
	m.emit(Ended{err})
}

// farewell tells a gateway that may think we are logged in that we are not. Nobody waits
// for its answer.
func (m *Machine) farewell() {
	if m.up || len(m.sas) == 0 || m.sa().protection == nil || m.sa().outstanding != nil {
		return
	}
	sa := m.sa()
	datagrams, err := m.write(sa, sa.header(ike.Informational, sa.nextID, false), []ike.Payload{&ike.Delete{Protocol: ike.ProtocolIKE}})
	if err != nil {
		return
	}
	for _, d := range datagrams {
		m.send(d)
	}
}

// Begin sends the first message.
func (m *Machine) Begin(now time.Time) []Effect {
	return m.step(now, func() error {
		m.heard = now
		if m.resumable() {
			return m.resume()
		}
		return m.begin()
	})
}

// Receive takes a datagram of IKE, without the marker of port 4500. What is not
// authentic, or not expected, is dropped.
func (m *Machine) Receive(now time.Time, datagram []byte) []Effect {
	return m.step(now, func() error { return m.receive(datagram) })
}

// Tick does what is due.
func (m *Machine) Tick(now time.Time) []Effect {
	return m.step(now, m.tick)
}

// Deadline is when Tick is due next; zero: nothing waits for a time.
func (m *Machine) Deadline() time.Time {
	if m.ended {
		return time.Time{}
	}
	var first time.Time
	sooner := func(t time.Time) {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	for _, sa := range m.sas {
		if sa.outstanding != nil {
			sooner(sa.outstanding.due)
		}
	}
	for _, t := range m.timers {
		sooner(t.at)
	}
	return first
}

func (m *Machine) tick() error {
	for _, sa := range append([]*ikeSA(nil), m.sas...) {
		if o := sa.outstanding; o != nil && !o.due.After(m.now) {
			if err := m.retransmit(sa); err != nil {
				return err
			}
		}
	}
	var due []timer
	rest := m.timers[:0:0]
	for _, t := range m.timers {
		if t.at.After(m.now) {
			rest = append(rest, t)
		} else {
			due = append(due, t)
		}
	}
	m.timers = rest
	for _, t := range due {
		if err := t.do(); err != nil {
			return err
		}
	}
	return nil
}

// after does f once d has passed.
func (m *Machine) after(d time.Duration, f func() error) {
	m.timers = append(m.timers, timer{m.now.Add(d), f})
}

// resolve hands an answer to who waits for one.
func (m *Machine) resolve(answer any) error {
	wait := m.wait
	m.wait = nil
	if wait == nil {
		return nil
	}
	return wait(answer)
}

// Verified answers Verify: nil, or why the certificate is not trusted.
func (m *Machine) Verified(now time.Time, err error) []Effect {
	return m.step(now, func() error { return m.resolve(verdict{err}) })
}

type verdict struct{ err error }

// Signed answers Sign with the signature, as crypto.Signer makes it.
func (m *Machine) Signed(now time.Time, signature []byte, err error) []Effect {
	return m.step(now, func() error {
		if err != nil {
			return err
		}
		return m.resolve(signature)
	})
}

// Answered answers Ask.
func (m *Machine) Answered(now time.Time, text string, err error) []Effect {
	return m.step(now, func() error {
		if err != nil {
			return err
		}
		return m.resolve(text)
	})
}

// Awaited answers Await.
func (m *Machine) Awaited(now time.Time) []Effect {
	return m.step(now, func() error { return m.resolve(nil) })
}

// sa is the current IKE SA.
func (m *Machine) sa() *ikeSA { return m.sas[0] }

// child is the current one; nil: there is none.
func (m *Machine) child() *child {
	if len(m.kids) == 0 {
		return nil
	}
	return m.kids[0]
}

// Stop deletes the SAs; Ended comes when the gateway has heard of it, or does not answer.
func (m *Machine) Stop(now time.Time) []Effect {
	return m.step(now, func() error {
		m.leaving = true
		if !m.up {
			return errStopped
		}
		m.sa().queue = nil
		m.request(m.sa(), &exchange{
			kind:   ike.Informational,
			build:  func() []ike.Payload { return []ike.Payload{&ike.Delete{Protocol: ike.ProtocolIKE}} },
			answer: func(*ikeSA, []ike.Payload) error { return errStopped },
		})
		return nil
	})
}

// errStopped is how a machine ends that was told to.
var errStopped = errors.New("stopped")
