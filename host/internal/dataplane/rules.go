package dataplane

import (
	"fmt"
	"math"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// minRule is the shortest time that a rule may name.
const minRule = 100 * time.Millisecond

// checkRules refuses times that would keep the machine from idling.
func checkRules(r framing.Rules) error {
	for name, d := range map[string]time.Duration{
		"keepalive idle": r.Keepalive.Idle, "dpd after": r.Dpd.After, "dpd retry": r.Dpd.Retry, "dpd dead": r.Dpd.Dead,
	} {
		if d < 0 || d > 0 && d < minRule {
			return fmt.Errorf("framing: %s of %v, must be 0 (off) or at least %v", name, d, minRule)
		}
	}
	return nil
}

// never is a time that does not come.
const never = time.Duration(math.MaxInt64)

// liveness is where the rules of one path stand. Times count from the plane's epoch.
type liveness struct {
	rules framing.Rules

	kept     time.Duration // when the last keepalive was due
	asking   bool          // a question is out
	asked    time.Duration // when the first one went out
	askedNow time.Duration // when the last one did
}

// due is what the rules want.
type due struct {
	keepalive, ask, dead bool
	calm                 bool          // next is later because nothing that was sent waits for an answer
	next                 time.Duration // when to look again
}

// calmly is how long silence may last at least that answers nothing: a tunnel that is not
// used need not wake both ends every few seconds.
const calmly = 20 * time.Second

// step says what is due now, when the last frame came at rx and the last one went at tx.
func (l *liveness) step(now, rx, tx time.Duration) due {
	d := due{next: never}
	if idle := l.rules.Keepalive.Idle; idle > 0 {
		// The last one left a moment after the timer that was set for this one.
		early := idle / 64
		if now >= max(tx, l.kept)+idle-early {
			d.keepalive, l.kept = true, now
		}
		d.next = max(tx, l.kept) + idle
	}
	l.dpd(&d, now, rx, tx)
	return d
}

// rx ──── After ────▶ ask ── Retry ──▶ ask ── Retry ──▶ ask …
//
//	└────────────── Dead ─────────────────▶ dead
//
// When nothing was sent since rx, After is calmly at least.
func (l *liveness) dpd(d *due, now, rx, tx time.Duration) {
	r := l.rules.Dpd
	if r.After == 0 {
		return
	}
	l.asking = l.asking && rx < l.asked
	if !l.asking {
		after := r.After
		if tx <= rx && after < calmly {
			after, d.calm = calmly, true
		}
		if now < rx+after {
			d.next = min(d.next, rx+after)
			return
		}
		d.calm = false
		l.asking, l.asked = true, now
		d.ask, l.askedNow = true, now
	}
	if r.Dead > 0 {
		d.dead = now >= l.asked+r.Dead
		d.next = min(d.next, l.asked+r.Dead)
	}
	if r.Retry > 0 && !d.dead {
		if now >= l.askedNow+r.Retry {
			d.ask, l.askedNow = true, now
		}
		d.next = min(d.next, l.askedNow+r.Retry)
	}
	if r.Dead == 0 && r.Retry == 0 {
		// Asked once, and nothing follows: look whether an answer came.
		d.next = min(d.next, now+r.After)
	}
}
