package l2tp

import "time"

// line is the reliable delivery of control messages (RFC 2661 section 5.8): they go out in
// order, as many at a time as the peer takes, and again until it has acknowledged them.
type line struct {
	ns, nr  uint16    // of the next message that is numbered, and of the next that is expected
	window  int       // how many may be on the way
	queue   []outward // not acknowledged, the oldest first
	flying  int       // of queue: sent
	tries   int       // of the oldest
	due     time.Time // when the oldest is sent again; zero: nothing is on the way
	mustAck bool      // something has come that no message has acknowledged yet
}

// outward is a message that waits for its acknowledgement.
type outward struct {
	Message
	kind Kind
}

const (
	firstTimeout = time.Second
	maxTimeout   = 8 * time.Second
	maxTries     = 6 // 31 seconds in all
)

// put numbers a message and queues it.
func (l *line) put(m Message) {
	m.Ns = l.ns
	l.ns++
	l.queue = append(l.queue, outward{m, m.Kind()})
}

// take judges a message by its numbers: whether it is the next one, and whether it was
// here before. Either is acknowledged.
func (l *line) take(m Message) (fresh bool) {
	l.acknowledged(m.Nr)
	if len(m.AVPs) == 0 {
		return false
	}
	if ahead := m.Ns - l.nr; ahead != 0 {
		l.mustAck = l.mustAck || ahead >= 1<<15 // it was here; one that comes too early comes again
		return false
	}
	l.nr++
	l.mustAck = true
	return true
}

// acknowledged takes that the peer has everything before nr.
func (l *line) acknowledged(nr uint16) {
	for l.flying > 0 && nr-l.queue[0].Ns-1 < 1<<15 {
		l.queue = l.queue[1:]
		l.flying--
		l.tries, l.due = 0, time.Time{}
	}
}

// next are the messages to be sent now.
func (l *line) next(now time.Time) (all []outward) {
	for l.flying < len(l.queue) && l.flying < l.window {
		all = append(all, l.queue[l.flying])
		l.flying++
	}
	if l.flying > 0 && l.due.IsZero() {
		l.tries, l.due = 1, now.Add(firstTimeout)
	}
	return all
}

// again is the oldest message, when it is due; dead says that it was sent often enough.
func (l *line) again(now time.Time) (all []outward, dead bool) {
	if l.due.IsZero() || now.Before(l.due) {
		return nil, false
	}
	if l.tries >= maxTries {
		return nil, true
	}
	l.due = now.Add(min(firstTimeout<<l.tries, maxTimeout))
	l.tries++
	return l.queue[:1], false
}
