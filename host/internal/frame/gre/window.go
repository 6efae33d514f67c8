package gre

import "time"

const (
	// Depth is how far ahead of a missing message others are kept, and how many at most.
	Depth = 64
	// Wait is how long they are kept: what comes later than that is lost.
	Wait = 30 * time.Millisecond
	// MaxPayload bounds a payload that is kept; one that is longer is not kept, but lost
	// when it comes too early. PPP frames are not as long.
	MaxPayload = 2048

	slots = 2 * Depth // what was given out stays as it is while the next ones are kept
)

// Window puts messages in order. What is missing is waited for, but not long, and not for
// more than fit. It is used by one goroutine, and allocates nothing.
type Window struct {
	next  uint32 // the number that comes next
	since time.Time
	count int
	size  [slots]int // of what is kept; 0: nothing
	kept  [slots][MaxPayload]byte
}

// NewWindow makes one whose first message has the number next.
func NewWindow(next uint32) *Window { return &Window{next: next} }

// Add appends to out what is in order now: nothing, payload, or payload and others. They
// are good until the next Add. fresh is false for what has come before, or too late.
func (w *Window) Add(out [][]byte, now time.Time, sequence uint32, payload []byte) (inOrder [][]byte, fresh bool) {
	ahead := int32(sequence - w.next)
	switch {
	case ahead < 0 || ahead < Depth && w.size[sequence%slots] > 0:
		return out, false
	case ahead == 0:
		w.next++
		return w.release(append(out, payload), now), true
	case ahead >= 2*Depth: // there is nothing to wait for
		out = w.flush(out)
		w.next = sequence + 1
		return append(out, payload), true
	}
	for int32(sequence-w.next) >= Depth {
		out = w.take(out)
	}
	out = w.release(out, now)
	if sequence == w.next {
		w.next++
		return append(out, payload), true
	}
	w.keep(now, sequence, payload)
	return out, true
}

func (w *Window) keep(now time.Time, sequence uint32, payload []byte) {
	if len(payload) == 0 || len(payload) > MaxPayload {
		return
	}
	if w.count == 0 {
		w.since = now
	}
	w.count++
	w.size[sequence%slots] = copy(w.kept[sequence%slots][:], payload)
}

// take goes one number on, with what is kept of that.
func (w *Window) take(out [][]byte) [][]byte {
	i := w.next % slots
	w.next++
	if n := w.size[i]; n > 0 {
		w.size[i] = 0
		w.count--
		out = append(out, w.kept[i][:n])
	}
	return out
}

// release takes what is in order.
func (w *Window) release(out [][]byte, now time.Time) [][]byte {
	for w.size[w.next%slots] > 0 {
		out = w.take(out)
		w.since = now
	}
	return out
}

// flush takes all that is kept.
func (w *Window) flush(out [][]byte) [][]byte {
	for w.count > 0 {
		out = w.take(out)
	}
	return out
}

// Expire is Add for time alone: it gives up what was waited for too long.
func (w *Window) Expire(out [][]byte, now time.Time) [][]byte {
	if w.count == 0 || now.Sub(w.since) < Wait {
		return out
	}
	for n := len(out); len(out) == n; {
		out = w.take(out)
	}
	out = w.release(out, now)
	w.since = now
	return out
}

// Due is when Expire has something to do; zero: nothing waits.
func (w *Window) Due() time.Time {
	if w.count == 0 {
		return time.Time{}
	}
	return w.since.Add(Wait)
}
