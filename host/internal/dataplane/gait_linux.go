package dataplane

import (
	"time"

	"golang.org/x/sys/unix"
)

// gait keeps a reader from waking for every packet when many come: like a network
// card that moderates its interrupts, it waits a moment before it looks again, and
// takes together what has come meanwhile. Packets that come alone do not wait.
type gait struct {
	last time.Duration // when the last batch came, by the plane's clock
	many bool          // it came soon after another, and was far from full
}

const (
	// moment is what a packet may wait for others. It is short beside a round trip of
	// any network; the kernel adds its timer slack of 50 us.
	moment = 50 * time.Microsecond
	// closely is how soon a batch follows another when many come.
	closely = 250 * time.Microsecond
)

// rest is called before reading.
func (g *gait) rest() {
	if g.many {
		// time.Sleep takes a millisecond where the runtime polls the network.
		_ = unix.Nanosleep(&unix.Timespec{Nsec: moment.Nanoseconds()}, nil)
	}
}

// came is called when n have come, of at most full.
func (g *gait) came(now time.Duration, n, full int) {
	g.many = n < full/2 && now-g.last < closely
	g.last = now
}
