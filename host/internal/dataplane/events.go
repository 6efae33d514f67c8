package dataplane

import (
	"sync"
	"sync/atomic"
)

// Kind says what an Event tells.
type Kind int

const (
	// Control is a frame from the gateway that is neither data nor handled by a rule.
	Control Kind = iota
	// Up means that the path carries packets. It comes once.
	Up
	// Dead means that the path ended and its wire is closed; Reason says why. It is
	// the path's last event. Removing a path makes none.
	Dead
	// MTU means that the path carries inner packets of at most MTU bytes from now
	// on. The device has that MTU when the path is the active one.
	MTU
	// Expired means that an SA of the path is to be replaced or, when Hard, is over.
	Expired
	// DeviceLost means that the TUN device failed or was removed: the plane is of no
	// more use. Path is 0.
	DeviceLost
)

// Event is something that happened on a path.
type Event struct {
	Path     uint32
	Kind     Kind
	Type     uint32 // Control: the frame's type
	Payload  []byte // Control: owned by the receiver
	MTU      int    // MTU: bytes
	Reason   string // Dead, DeviceLost: for people
	Replaced bool   // Dead: another path had replaced this one, nothing is lost
	Breach   bool   // Dead: the gateway broke the protocol
	SPI      uint32 // Expired: of the SA
	Outbound bool   // Expired: packets leave with the SA
	Hard     bool   // Expired: the SA is over
}

const (
	controlEvents = 256 // frames that wait for a busy plugin; more are dropped
	stateEvents   = 64  // room for the others, which are never dropped
)

// events is a bounded queue that a gateway cannot fill to the brim.
type events struct {
	c       chan Event
	done    <-chan struct{}
	dropped atomic.Uint64 // control frames

	sending sync.RWMutex // held to send, written to close
	closed  bool
}

func (q *events) init(done <-chan struct{}) {
	q.c = make(chan Event, controlEvents+stateEvents)
	q.done = done
}

// emit queues events. A control frame is dropped when many wait; anything else
// waits for room, until the plane closes.
func (q *events) emit(all ...Event) {
	q.sending.RLock()
	defer q.sending.RUnlock()
	for _, e := range all {
		switch {
		case q.closed:
		case e.Kind != Control:
			q.wait(e)
		case len(q.c) >= controlEvents || !q.try(e):
			q.dropped.Add(1)
		}
	}
}

func (q *events) wait(e Event) {
	select {
	case q.c <- e:
	case <-q.done:
	}
}

func (q *events) try(e Event) bool {
	select {
	case q.c <- e:
		return true
	default:
		return false
	}
}

// close ends the queue for its reader; done is closed already.
func (q *events) close() {
	q.sending.Lock()
	defer q.sending.Unlock()
	q.closed = true
	close(q.c)
}

// Events tells what happens, in order for each path. It is closed by Close. It
// must be read: the plane stands still when 64 changes of state wait.
func (p *Plane) Events() <-chan Event { return p.events.c }
