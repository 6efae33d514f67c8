package dataplane

import (
	"fmt"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/alarm"
)

// silence is how long a replaced path must be silent to end.
const silence = 5 * time.Second

// keeper runs a path's rules from one timer, which is set to the next moment at
// which something can be due. Traffic does not touch the timer: when it fires too
// early, it is set anew.
type keeper struct {
	path *path

	mu      sync.Mutex  // guards what follows
	timer   alarm.Timer // nil before start
	live    liveness
	next    time.Duration // when the timer fires
	retired bool
	since   time.Duration // of retired
	stopped bool
}

// start has the timer fire at once, unless the path has ended already: something may
// be due.
func (k *keeper) start() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.arm(0)
}

// retire ends the rules of a path that was replaced, and has it end when silent.
func (k *keeper) retire(now time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.retired {
		k.retired, k.since = true, now
		k.arm(silence)
	}
}

// stop ends the rules with the path.
func (k *keeper) stop() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stopped = true
	if k.timer != nil {
		k.timer.Stop()
	}
}

// arm sets the timer. The caller holds mu.
func (k *keeper) arm(wait time.Duration) {
	switch {
	case k.stopped || wait > never/2:
	case k.timer == nil:
		k.next = k.path.plane.now() + wait
		k.timer = k.path.plane.after(wait, k.fire)
	default:
		k.next = k.path.plane.now() + wait
		k.timer.Reset(wait)
	}
}

// stir has the keeper look after a calm path earlier: something was sent that wants an
// answer.
func (k *keeper) stir() {
	k.mu.Lock()
	defer k.mu.Unlock()
	wait := k.live.rules.Dpd.After
	if k.path.calm.Swap(false) && k.path.plane.now()+wait < k.next {
		k.arm(wait)
	}
}

// fire does what is due.
func (k *keeper) fire() {
	k.mu.Lock()
	if k.stopped {
		k.mu.Unlock()
		return
	}
	x, now := k.path, k.path.plane.now()
	x.calm.Store(true) // before looking: who sends meanwhile stirs
	d := k.look(now)
	x.calm.Store(d.calm)
	retired := k.retired
	if !d.dead {
		k.arm(d.next - now)
	}
	k.mu.Unlock()
	if d.keepalive {
		_ = x.keepAlive() // a full queue keeps the flow alive by itself
	}
	if d.ask {
		_ = x.ask() // asked again after Retry
	}
	if d.dead {
		reason := "replaced by another path"
		if !retired {
			reason = fmt.Sprintf("no sign of life from the gateway for %v", (now - x.received()).Round(time.Second))
		}
		x.plane.end(x, reason)
	}
}

func (x *path) keepAlive() error {
	if t := x.tunnel(); t != nil {
		return x.keepNAT(t)
	}
	return x.enqueue(x.rules.Keepalive.Type, nil)
}

func (x *path) ask() error {
	if probe := x.rules.Probe.Packet; len(probe) > 0 {
		return x.enqueue(x.codec.DataType(), probe)
	}
	return x.enqueue(x.rules.Dpd.Type, x.rules.Dpd.Payload)
}

// look says what is due. The caller holds mu.
func (k *keeper) look(now time.Duration) due {
	x := k.path
	if !k.retired {
		return k.live.step(now, x.received(), x.sent())
	}
	end := max(x.received(), k.since) + silence
	return due{dead: now >= end, next: end}
}
