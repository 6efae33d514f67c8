package session

import (
	"fmt"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Begin is the first step of every connection.
func Begin() (State, []Effect) {
	return State{Phase: Starting}, []Effect{Start{}}
}

// Step moves the machine by one event that happened at now. Events that mean
// nothing in a phase, such as a late timer, change nothing.
func (l Limits) Step(s State, now time.Time, e Event) (State, []Effect) {
	switch {
	case s.Phase == Ended:
		return s, nil
	case s.Phase == Stopping:
		return l.stopping(s, e)
	}
	switch e := e.(type) {
	case Started:
		if s.Phase == Starting {
			s.Phase = LoggingIn
		}
		return s, nil
	case CameUp:
		return l.cameUp(s, now)
	case PathsLost:
		return l.pathsLost(s, now, e)
	case Failed:
		return l.failed(s, now, e)
	case Crashed:
		return l.crashed(s, now, e)
	case SessionEnded:
		return finish(s, diag.New(diag.Plugin, "the plugin ended its session without being asked", "This is a fault of the plugin; report it to its author."))
	case Broken:
		return finish(s, e.Why)
	case Stop:
		return l.stop(s, e)
	case Nudge, RetryDue:
		return retryNow(s)
	case Deadline:
		return l.gaveUp(s)
	}
	return s, nil
}

func (l Limits) cameUp(s State, now time.Time) (State, []Effect) {
	if s.Phase == Up {
		return s, nil
	}
	effects := []Effect{ArmDeadline{}}
	if s.Lost {
		effects = append(effects, Reconnected{})
	}
	s.Phase, s.WasUp, s.Lost, s.UpAt = Up, true, false, now
	return s, effects
}

func (l Limits) pathsLost(s State, now time.Time, e PathsLost) (State, []Effect) {
	if s.Phase != Up {
		return s, nil
	}
	s, effects := l.lost(s, now, e.Why)
	s.Phase = LoggingIn
	return s, effects
}

func (l Limits) failed(s State, now time.Time, e Failed) (State, []Effect) {
	switch {
	case e.Retry == Never:
		return finish(s, e.Why)
	case e.Retry == Reauth && s.Reauths >= maxReauths:
		return finish(s, e.Why)
	case e.Retry == Reauth && !s.WasUp:
		s.Phase, s.Reauths = Starting, s.Reauths+1
		return s, []Effect{Start{}}
	case !s.WasUp:
		return finish(s, e.Why)
	}
	s, effects := l.lost(s, now, e.Why)
	s.Tries++
	switch {
	case e.Retry == Reauth:
		s.Phase, s.Reauths = Starting, s.Reauths+1
		return s, append(effects, Start{})
	case e.Retry == Now && s.Tries == 1:
		s.Phase = Starting
		return s, append(effects, Start{Resume: true})
	}
	s.Phase = Waiting
	return s, append(effects, Wait{For: backoff(s.Tries)})
}

// lost starts the patience of a connection that was up.
func (l Limits) lost(s State, now time.Time, why *diag.Diagnostic) (State, []Effect) {
	if s.Lost {
		return s, []Effect{Reconnecting{Why: why}}
	}
	if s.LostAt.IsZero() || now.Sub(s.UpAt) >= flapping {
		s.LostAt, s.Tries, s.Reauths = now, 0, 0
	}
	s.Lost = true
	return s, []Effect{ArmDeadline{For: l.left(s, now)}, Reconnecting{Why: why}}
}

// left is what is left of the patience; a tunnel that came up for a moment did not
// renew it.
func (l Limits) left(s State, now time.Time) time.Duration {
	if l.Reconnect == 0 {
		return 0
	}
	return max(l.Reconnect-now.Sub(s.LostAt), time.Millisecond)
}

func (l Limits) crashed(s State, now time.Time, e Crashed) (State, []Effect) {
	if s.Phase == Up && now.Sub(s.UpAt) >= stableAfter {
		s.Crashes = 0
	}
	s.Crashes++
	if !s.WasUp || s.Crashes > maxCrashes {
		return finish(s, e.Why)
	}
	s.Phase = Waiting
	return s, []Effect{Wait{For: crashPause(s.Crashes)}}
}

func (l Limits) stop(s State, e Stop) (State, []Effect) {
	if s.Phase == Waiting {
		return finish(s, nil)
	}
	s.Phase = Stopping
	return s, []Effect{ArmDeadline{For: l.Stop}, SayStop(e)}
}

// stopping knows one way only: whatever ends the session ends the connection.
func (l Limits) stopping(s State, e Event) (State, []Effect) {
	switch e.(type) {
	case SessionEnded, Crashed, Failed, Deadline, Broken:
		return finish(s, nil)
	}
	return s, nil
}

func retryNow(s State) (State, []Effect) {
	if s.Phase != Waiting {
		return s, nil
	}
	s.Phase = Starting
	return s, []Effect{Start{Resume: true}}
}

func (l Limits) gaveUp(s State) (State, []Effect) {
	if !s.Lost {
		return s, nil
	}
	return finish(s, diag.New(diag.Unreachable, fmt.Sprintf("the gateway did not answer for %s", l.Reconnect),
		"The connection was given up. Check the network, connect again, or allow more time with reconnect-timeout."))
}

func finish(s State, err *diag.Diagnostic) (State, []Effect) {
	s.Phase, s.Err = Ended, err
	return s, []Effect{Finish{Err: err}}
}

// backoff is 1, 2, 4, 8, 10, 10, ... seconds.
func backoff(try int) time.Duration {
	d := firstBackoff
	for i := 1; i < try && d < maxBackoff; i++ {
		d *= 2
	}
	return min(d, maxBackoff)
}

// crashPause lets a plugin come back at once the first time.
func crashPause(crashes int) time.Duration {
	if crashes == 1 {
		return 0
	}
	return backoff(crashes - 1)
}
