package transport

import (
	"math"
	"time"
)

// codel bounds how long datagrams stand in a socket's buffer: CoDel (RFC 8289, section 5),
// where the queue is the kernel's and its delay is known from the times of arrival. A
// large buffer takes bursts; that a sender keeps it full is told to it by a loss.
type codel struct {
	above    time.Time // when the delay will have been over target for an interval; zero: it is not over it
	next     time.Time // when the next one is dropped, while dropping
	dropping bool
	count    int // drops since dropping began
	last     int // count of the time before, at its beginning
}

const (
	// codelTarget is the delay that may stand. It is shorter than the 5 ms of RFC 8289,
	// since a reader in batches needs no queue to be busy.
	codelTarget = 2 * time.Millisecond
	// codelInterval is the time a sender has to slow down: a round trip of the internet.
	codelInterval = 100 * time.Millisecond
	// codelBacklog is in bytes: fewer are no queue, but what a late wakeup finds.
	codelBacklog = 64 << 10
)

// drop tells whether a datagram is to be dropped, or marked: of those that are taken out
// at now and have waited so long, with backlog bytes in the queue.
func (c *codel) drop(now time.Time, waited time.Duration, backlog int) bool {
	over := c.over(now, waited, backlog)
	switch {
	case !over:
		c.dropping = false
		return false
	case !c.dropping:
		c.begin(now)
		return true
	case now.Before(c.next):
		return false
	}
	c.count++
	c.next = c.next.Add(c.spacing())
	return true
}

// over tells whether the delay has been over target for an interval.
func (c *codel) over(now time.Time, waited time.Duration, backlog int) bool {
	switch {
	case waited < codelTarget || backlog < codelBacklog:
		c.above = time.Time{}
		return false
	case c.above.IsZero():
		c.above = now.Add(codelInterval)
		return false
	}
	return !now.Before(c.above)
}

// begin starts to drop, as often as was needed lately.
func (c *codel) begin(now time.Time) {
	needed := c.count - c.last
	c.count = 1
	if needed > 1 && now.Sub(c.next) < 16*codelInterval {
		c.count = needed
	}
	c.last, c.dropping = c.count, true
	c.next = now.Add(c.spacing())
}

// spacing is the control law.
func (c *codel) spacing() time.Duration {
	return time.Duration(float64(codelInterval) / math.Sqrt(float64(c.count)))
}
