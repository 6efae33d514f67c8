// Package machine is a client of IKEv1 (RFC 2409) as a state machine: datagrams, times and
// answers go in, Effects come out. It does no I/O, has no clock and starts no goroutine.
//
//	Begin ─> main or aggressive mode ─> XAUTH ─> mode config ─> quick mode ─> Up
//	                │  ^                 │  ^                                 │  Tick, Receive:
//	                └──┘ Verified, Signed└──┘ Answered                        │  new keys, signs of life
//	                                                                          v
//	                                                                        Ended
//
// Every method takes the time it is called at and returns what is to be done, in order.
// Deadline says when Tick is due.
package machine

import (
	"errors"
	"time"

	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Machine is one session with a gateway: an ISAKMP SA with a pair of SAs of ESP, and those
// that take their places. One goroutine uses it at a time.
type Machine struct {
	c   Config
	now time.Time
	out []Effect

	sas    []*isakmp       // the current one first; then those that were replaced
	next   *isakmp         // logs in to take the current one's place; nil: none
	wait   func(any) error // takes the answer that an Effect asked for; nil: none is awaited
	timers []timer

	kids    []*child   // the current one first
	quick   *quickMode // of ours, under way; nil: none
	granted granted    // by mode config
	up      bool
	ended   bool
	heard   time.Time // when something authentic came last
	floated bool      // to port 4500
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

// end says goodbye to whoever may think that we are there.
func (m *Machine) end(err error) {
	if m.ended {
		return
	}
	m.ended = true
	for _, sa := range m.all() {
		if sa.done {
			m.goodbye(sa)
		}
	}
	if errors.Is(err, errStopped) {
		err = nil
	}
	m.emit(Ended{err})
}

// Begin sends the first message.
func (m *Machine) Begin(now time.Time) []Effect {
	return m.step(now, func() error {
		m.heard = now
		m.next = nil
		sa, err := m.newSA()
		if err != nil {
			return err
		}
		m.sas = []*isakmp{sa}
		return m.phase1(sa)
	})
}

// Receive takes a datagram of IKE, without the marker of port 4500. What is not
// authentic, or not expected, is dropped.
func (m *Machine) Receive(now time.Time, datagram []byte) []Effect {
	return m.step(now, func() error { return m.receive(datagram) })
}

// Tick does what is due.
func (m *Machine) Tick(now time.Time) []Effect { return m.step(now, m.tick) }

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
	for _, sa := range m.all() {
		for _, x := range sa.exchanges {
			sooner(x.due)
		}
	}
	for _, t := range m.timers {
		sooner(t.at)
	}
	return first
}

// all are the ISAKMP SAs that there are.
func (m *Machine) all() []*isakmp {
	all := append([]*isakmp(nil), m.sas...)
	if m.next != nil {
		all = append(all, m.next)
	}
	return all
}

func (m *Machine) tick() error {
	for _, sa := range m.all() {
		for _, x := range sa.exchanges {
			if !x.due.IsZero() && !x.due.After(m.now) {
				if err := m.retransmit(sa, x); err != nil {
					return err
				}
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
	return m.step(now, func() error {
		if err != nil {
			return sdk.Fail(sdk.Never, err)
		}
		return m.resolve(nil)
	})
}

// Signed answers Sign with the signature, as crypto.Signer makes it.
func (m *Machine) Signed(now time.Time, signature []byte, err error) []Effect {
	return m.step(now, func() error {
		if err != nil {
			return sdk.Fail(sdk.Never, err)
		}
		return m.resolve(signature)
	})
}

// Answered answers Ask, with a value for each field, by its kind.
func (m *Machine) Answered(now time.Time, values map[uint16]string, err error) []Effect {
	return m.step(now, func() error {
		if err != nil {
			return err
		}
		return m.resolve(values)
	})
}

// Expired says how far the life of an SA of ESP has come.
func (m *Machine) Expired(now time.Time, hard bool) []Effect {
	return m.step(now, func() error {
		if hard {
			return sdk.Fail(sdk.Now, diag.New(diag.SessionEnded, "the keys of the tunnel are used up", "The gateway gave no new ones in time. Connecting again."))
		}
		return m.renewChild()
	})
}

// Stop deletes the SAs; nobody answers that.
func (m *Machine) Stop(now time.Time) []Effect {
	return m.step(now, func() error { return errStopped })
}

// errStopped is how a machine ends that was told to.
var errStopped = errors.New("stopped")
