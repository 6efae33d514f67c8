package session

import (
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/penstock-vpn/penstock/sdk/diag"
)

var (
	limits = Limits{Reconnect: 5 * time.Minute, Stop: 5 * time.Second}
	epoch  = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	why    = diag.New(diag.Unreachable, "no answer", "check the network")
)

// walk runs events one second apart and returns the last state and its effects.
func walk(t *testing.T, events ...Event) (State, []Effect) {
	t.Helper()
	s, effects := Begin()
	for i, e := range events {
		s, effects = limits.Step(s, epoch.Add(time.Duration(i)*time.Second), e)
	}
	return s, effects
}

func TestSteps(t *testing.T) {
	up := []Event{Started{}, CameUp{}}
	never, now, later, again := Failed{Never, why}, Failed{Now, why}, Failed{Backoff, why}, Failed{Reauth, why}
	for name, c := range map[string]struct {
		events  []Event
		phase   Phase
		effects []Effect
	}{
		"comes up":                        {up, Up, []Effect{ArmDeadline{}}},
		"refused before up":               {[]Event{Started{}, never}, Ended, []Effect{Finish{why}}},
		"unreachable before up":           {[]Event{Started{}, later}, Ended, []Effect{Finish{why}}},
		"asks once again for credentials": {[]Event{Started{}, again}, Starting, []Effect{Start{}}},
		"asks no third time":              {[]Event{Started{}, again, Started{}, again}, Ended, []Effect{Finish{why}}},
		"lost path keeps the tunnel":      {append(up, PathsLost{why}), LoggingIn, []Effect{ArmDeadline{5 * time.Minute}, Reconnecting{why}}},
		"plugin mends the path":           {append(up, PathsLost{why}, CameUp{}), Up, []Effect{ArmDeadline{}, Reconnected{}}},
		"resumes at once":                 {append(up, now), Starting, []Effect{ArmDeadline{5 * time.Minute}, Reconnecting{why}, Start{Resume: true}}},
		"at once is once":                 {append(up, now, Started{}, now), Waiting, []Effect{Reconnecting{why}, Wait{2 * time.Second}}},
		"waits a second first":            {append(up, later), Waiting, []Effect{ArmDeadline{5 * time.Minute}, Reconnecting{why}, Wait{time.Second}}},
		"retry is due":                    {append(up, later, RetryDue{}), Starting, []Effect{Start{Resume: true}}},
		"network change cuts the pause":   {append(up, later, Nudge{}), Starting, []Effect{Start{Resume: true}}},
		"a nudge is no retry elsewhere":   {append(up, Nudge{}), Up, nil},
		"session expired: login again":    {append(up, again), Starting, []Effect{ArmDeadline{5 * time.Minute}, Reconnecting{why}, Start{}}},
		"crash before up":                 {[]Event{Started{}, Crashed{why}}, Ended, []Effect{Finish{why}}},
		"crash when up resumes at once":   {append(up, Crashed{why}), Waiting, []Effect{Wait{0}}},
		"logs out":                        {append(up, Stop{Logout: true}), Stopping, []Effect{ArmDeadline{5 * time.Second}, SayStop{Logout: true}}},
		"stop ends well":                  {append(up, Stop{}, SessionEnded{}), Ended, []Effect{Finish{}}},
		"stop that crashes ends well":     {append(up, Stop{}, Crashed{why}), Ended, []Effect{Finish{}}},
		"stop has a deadline":             {append(up, Stop{}, Deadline{}), Ended, []Effect{Finish{}}},
		"stop while waiting":              {append(up, later, Stop{}), Ended, []Effect{Finish{}}},
		"late timer after recovery":       {append(up, later, RetryDue{}, Started{}, CameUp{}, Deadline{}), Up, nil},
		"host cannot go on":               {append(up, Broken{why}), Ended, []Effect{Finish{why}}},
	} {
		t.Run(name, func(t *testing.T) {
			s, effects := walk(t, c.events...)
			if s.Phase != c.phase || !reflect.DeepEqual(effects, c.effects) {
				t.Errorf("phase %v, effects %+v; want %v, %+v", s.Phase, effects, c.phase, c.effects)
			}
		})
	}
}

func TestAFlappingTunnelDoesNotRenewThePatience(t *testing.T) {
	s, _ := walk(t, Started{}, CameUp{}, PathsLost{why}) // lost at 2 s
	at := func(seconds int, e Event) (effects []Effect) {
		s, effects = limits.Step(s, epoch.Add(time.Duration(seconds)*time.Second), e)
		return effects
	}
	at(60, CameUp{})
	want := []Effect{ArmDeadline{240 * time.Second}, Reconnecting{why}}
	if got := at(62, PathsLost{why}); !reflect.DeepEqual(got, want) {
		t.Errorf("lost again after 2 s: %+v, want %+v", got, want)
	}
	at(70, CameUp{})
	want[0] = ArmDeadline{5 * time.Minute}
	if got := at(90, PathsLost{why}); !reflect.DeepEqual(got, want) {
		t.Errorf("lost after 20 s: %+v, want %+v", got, want)
	}
}

func TestALoginAgainAfterManyTriesIsAFreshOne(t *testing.T) {
	events := []Event{Started{}, CameUp{}}
	for range 5 {
		events = append(events, Failed{Backoff, why}, RetryDue{}, Started{})
	}
	s, effects := walk(t, append(events, Failed{Reauth, why})...)
	if want := []Effect{Reconnecting{why}, Start{}}; s.Phase != Starting || !reflect.DeepEqual(effects, want) {
		t.Errorf("phase %v, effects %+v, want %+v", s.Phase, effects, want)
	}
	if s, _ = limits.Step(s, epoch.Add(time.Minute), Failed{Reauth, why}); s.Phase != Ended {
		t.Errorf("a second login was refused, and the phase is %v", s.Phase)
	}
}

func TestGivesUpAfterTheReconnectDeadline(t *testing.T) {
	s, _ := walk(t, Started{}, CameUp{}, Failed{Backoff, why}, RetryDue{}, Started{}, Deadline{})
	if s.Phase != Ended || s.Err == nil || s.Err.Code != diag.Unreachable {
		t.Errorf("phase %v, err %v", s.Phase, s.Err)
	}
}

func TestCrashesInARowEndTheConnection(t *testing.T) {
	events := []Event{Started{}, CameUp{}}
	for range maxCrashes {
		events = append(events, Crashed{why}, RetryDue{}, Started{}, CameUp{})
	}
	if s, _ := walk(t, events...); s.Phase != Up {
		t.Fatalf("phase %v after %d crashes", s.Phase, maxCrashes)
	}
	if s, _ := walk(t, append(events, Crashed{why})...); s.Phase != Ended {
		t.Errorf("phase %v after one more", s.Phase)
	}
	s, _ := walk(t, events...)
	s, _ = limits.Step(s, epoch.Add(time.Hour), Crashed{why})
	if s.Phase != Waiting || s.Crashes != 1 {
		t.Errorf("a crash after an hour: phase %v, crashes %d", s.Phase, s.Crashes)
	}
}

func TestBackoffGrowsToItsBound(t *testing.T) {
	want := []time.Duration{1, 2, 4, 8, 10, 10}
	for i, w := range want {
		if got := backoff(i + 1); got != w*time.Second {
			t.Errorf("try %d waits %v, want %vs", i+1, got, w)
		}
	}
}

// Any order of events keeps these promises: one Finish and nothing after it; a
// Waiting machine has a timer; a machine that is not up after having been has a deadline.
func TestAnyOrderKeepsThePromises(t *testing.T) {
	all := []Event{Started{}, CameUp{}, PathsLost{why}, Failed{Never, why}, Failed{Now, why}, Failed{Backoff, why}, Failed{Reauth, why},
		Crashed{why}, SessionEnded{}, Stop{true}, Nudge{}, RetryDue{}, Deadline{}}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 20000 {
		s, effects := Begin()
		waiting, deadline, finished := false, false, false
		for range 30 {
			for _, e := range effects {
				if finished {
					t.Fatalf("effect %+v after Finish", e)
				}
				switch e := e.(type) {
				case Wait:
					waiting = true
				case Start:
					waiting = false
				case ArmDeadline:
					deadline = e.For > 0
				case Finish:
					finished = true
				}
			}
			switch {
			case finished != (s.Phase == Ended):
				t.Fatalf("finished %v in phase %v", finished, s.Phase)
			case s.Phase == Waiting && !waiting:
				t.Fatal("waiting without a timer")
			case s.Lost && s.Phase != Ended && !deadline:
				t.Fatal("lost without a deadline")
			}
			s, effects = limits.Step(s, epoch, all[rng.IntN(len(all))])
		}
	}
}
