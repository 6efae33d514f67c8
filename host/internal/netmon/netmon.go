// Package netmon tells when the machine's network changes under a tunnel and when
// the machine sleeps, as four events: netlink and logind, watched and condensed.
//
//	netlink socket --hints--> settle --look--> Changed, Lost
//	logind, or else the clock -------------->  Suspend, Wake
//
// Nothing here wakes up by itself: without a change there is no work.
package netmon

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// Event is what happened.
type Event int

const (
	// Changed: the way to the gateway is another one, or is back, or its link was
	// down for a moment. What is connected should be checked.
	Changed Event = iota
	// Lost: there is no way to the gateway.
	Lost
	// Suspend: the machine goes to sleep when this has been received.
	Suspend
	// Wake: the machine has slept.
	Wake
)

// String is the event as a word for logs.
func (e Event) String() string {
	return [...]string{"changed", "lost", "suspend", "wake"}[e]
}

// pace is for bursts of changes: a look is taken when none came for quiet, and in a
// burst without end after patience.
type pace struct{ quiet, patience time.Duration }

var calm = pace{quiet: time.Second, patience: 5 * time.Second}

// Watch sends events until ctx ends; the channel is never closed. What is routed
// through the device tunnel names does not count, nor does the host route that keeps
// the gateway out of the tunnel, unless it names another device. gateway is the outer address in use; nil, or an invalid
// address: any default route is the way. Both are called from other goroutines.
func Watch(ctx context.Context, tunnel func() string, gateway func() netip.Addr) (<-chan Event, error) {
	return calm.watch(ctx, tunnel, gateway)
}

func (p pace) watch(ctx context.Context, tunnel func() string, gateway func() netip.Addr) (<-chan Event, error) {
	hints := make(chan hint, 1)
	socket, err := listen()
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { _ = socket.Close() })
	out := make(chan Event)
	eyes := &observer{tunnel: tunnel, gateway: gateway}
	before := eyes.look()
	go socket.hint(hints)
	go p.settle(ctx, hints, before, eyes.look, out)
	go sleeping(ctx, out)
	return out, nil
}

// hint says that something changed; down names links that were seen without carrier.
type hint struct{ down []int }

func (h hint) and(other hint) hint {
	for _, link := range other.down {
		if !h.saw(link) {
			h.down = append(h.down, link)
		}
	}
	return h
}

func (h hint) saw(link int) bool { return slices.Contains(h.down, link) }

// settle waits for the end of a burst of hints, looks, and sends what differs.
func (p pace) settle(ctx context.Context, hints <-chan hint, before way, look func() way, out chan<- Event) {
	for {
		var all hint
		select {
		case <-ctx.Done():
			return
		case all = <-hints:
		}
		end := time.After(p.patience)
		for over := false; !over; {
			select {
			case <-ctx.Done():
				return
			case h := <-hints:
				all = all.and(h)
			case <-time.After(p.quiet):
				over = true
			case <-end:
				over = true
			}
		}
		now := look()
		if e, ok := compare(before, now, all); ok && !send(ctx, out, e) {
			return
		}
		before = now
	}
}

func compare(before, now way, h hint) (Event, bool) {
	switch {
	case !now.exists():
		return Lost, before.exists()
	case now != before || h.saw(now.link) || h.saw(now.out):
		return Changed, true
	}
	return 0, false
}

// send waits for a receiver; it says whether there was one.
func send(ctx context.Context, out chan<- Event, e Event) bool {
	select {
	case out <- e:
		return true
	case <-ctx.Done():
		return false
	}
}
