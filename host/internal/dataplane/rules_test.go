package dataplane

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/sdk/framing"
)

// timeline returns what left as "seconds:type", and forgets it.
func (r *rig) timeline(start time.Time) string {
	frames, times := r.sent.take()
	var out []string
	for i, f := range frames {
		typ := f[0]
		if len(f) >= 8 {
			typ = f[6]
		}
		out = append(out, fmt.Sprintf("%v:%d", times[i].Sub(start).Seconds(), typ))
	}
	return strings.Join(out, " ")
}

func TestKeepaliveAfterIdleOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, Options{})
		r.stream(1, 0, 0, framing.Rules{Keepalive: framing.Keepalive{Idle: 20 * time.Second, Type: typeAlive}})
		advance(15 * time.Second)
		r.kernelSends(numbered(1, 40))
		advance(45 * time.Second)
		if got, want := r.timeline(start), "15:0 35:7 55:7"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestAPathThatMustProveItselfIsAskedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, Options{})
		dpd := rules()
		dpd.Keepalive.Idle = 0
		udp := r.datagram(1, 0, 0, "udp", dpd)
		synctest.Wait()
		udp.fromGW <- dtls(typeAnswer, nil)
		r.event(1, Up)
		advance(20 * time.Second)
		if got, want := r.timeline(start), "0:3"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestAnswersCountAsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, Options{})
		s := r.stream(1, 0, 0, rules())
		advance(10 * time.Second)
		s.fromGW <- stf(typeAsk, nil)
		advance(25 * time.Second)
		if got, want := r.timeline(start), "10:4 30:7"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestSilentGatewayIsAskedAndThenDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, Options{})
		dpd := rules()
		dpd.Keepalive.Idle = 0
		s := r.stream(1, 0, 0, dpd)
		r.event(1, Up)
		e := r.event(1, Dead)
		if got := time.Since(start); got != 45*time.Second {
			t.Errorf("dead after %v", got)
		}
		if got, want := r.timeline(start), "30:3 35:3 40:3"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
		if !strings.Contains(e.Reason, "no sign of life from the gateway for 45s") || !s.isClosed() {
			t.Errorf("%+v", e)
		}
	})
}

// A tunnel that nobody uses is asked after calmly alone; what is sent and not answered
// is asked for after After, however calm it was.
func TestUnusedTunnelIsLeftInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, Options{})
		s := r.stream(1, 0, 0, framing.Rules{Dpd: framing.Dpd{After: 5 * time.Second, Retry: 2 * time.Second, Dead: 10 * time.Second, Type: typeAsk}})
		advance(time.Second)
		s.fromGW <- stf(typeAnswer, nil) // 1 s
		advance(21 * time.Second)        // asked at 21 s
		s.fromGW <- stf(typeAnswer, nil) // 22 s
		advance(8 * time.Second)
		r.kernelSends(numbered(1, 40)) // 30 s
		advance(6 * time.Second)       // asked at 35 s
		s.fromGW <- stf(typeAnswer, nil)
		advance(4 * time.Second)
		if got, want := r.timeline(start), "21:3 30:0 35:3"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestAnyFrameAnswersDPD(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		r := newRig(t, Options{})
		dpd := rules()
		dpd.Keepalive.Idle = 0
		s := r.stream(1, 0, 0, dpd)
		r.event(1, Up)
		advance(36 * time.Second) // asked at 30 and 35
		s.fromGW <- stf(typeAnswer, nil)
		advance(26 * time.Second) // 62
		s.fromGW <- stf(typeData, numbered(1, 40))
		advance(31 * time.Second) // 93: asked at 92
		s.fromGW <- stf(typeAlive, nil)
		advance(time.Second)
		r.noEvent()
		if got, want := r.timeline(start), "30:3 35:3 92:3"; got != want {
			t.Errorf("%s, want %s", got, want)
		}
	})
}

func TestQuestionsOfTheGatewayAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s := r.stream(1, 0, 0, rules())
		r.event(1, Up)
		s.fromGW <- stf(typeAsk, []byte("echo this"))
		synctest.Wait()
		if got, _ := r.sent.take(); len(got) != 1 || !bytes.Equal(got[0], stf(typeAnswer, []byte("echo this"))) {
			t.Errorf("answered %q", got)
		}
		r.noEvent()
	})
}

func TestOtherFramesGoToThePlugin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s := r.stream(1, 0, 0, rules())
		r.event(1, Up)
		s.fromGW <- append(stf(typeBye, []byte("\xb0idle timeout")), stf(typeAlive, nil)...)
		if e := r.event(1, Control); e.Type != typeBye || string(e.Payload) != "\xb0idle timeout" {
			t.Errorf("%+v", e)
		}
		synctest.Wait()
		r.noEvent()
	})
}

// A gateway that floods the plugin with control frames and reads no answers stops
// neither the packets nor the end of the path.
func TestFloodsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.datagram(1, 0, 0, "dtls", framing.Rules{})
		s := r.blockedStream(2, -1)
		const flood = 1000
		s.fromGW <- bytes.Repeat(append(stf(typeBye, nil), stf(typeAsk, nil)...), flood)
		s.fromGW <- stf(typeData, numbered(5, 40))
		if got := numberOf(r.kernelGets()); got != 5 {
			t.Error("packet", got)
		}
		close(s.fromGW)
		synctest.Wait()
		kinds := map[Kind]int{}
		for len(r.Events()) > 0 {
			kinds[(<-r.Events()).Kind]++
		}
		if kinds[Up] != 2 || kinds[Dead] != 1 || kinds[Control] > controlEvents || kinds[Control] < controlEvents-2 {
			t.Errorf("events %v", kinds)
		}
		if got := r.Stats().ControlDropped; got < 2*flood-controlEvents-queueSize-2 || got > 2*flood-controlEvents-queueSize+2 {
			t.Errorf("%d dropped", got)
		}
	})
}

func TestSilentGatewayThatDoesNotReadIsDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		r.datagram(1, 0, 0, "dtls", framing.Rules{})
		r.blockedStream(2, 10)
		r.event(1, Up)
		r.event(2, Up)
		start := time.Now()
		r.kernelSends(numbered(1, 40))
		r.event(2, Dead)
		if got := time.Since(start); got != 45*time.Second {
			t.Errorf("dead after %v", got)
		}
		synctest.Wait()
		if got, _ := r.sent.take(); len(got) != 1 || !bytes.Equal(got[0], dtls(typeData, numbered(1, 40))) {
			t.Errorf("the blocked packet left as %x", got)
		}
	})
}

func TestSendControlRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Options{})
		s := newStream(r.sent)
		s.block = make(chan struct{})
		if err := r.AddStream(1, s, cstp(framing.Rules{}), 0, 0, "tls", 60); err != nil {
			t.Fatal(err)
		}
		if err := r.AddDatagram(2, newDatagram(r.sent), framing.Spec{}, 0, 0, "udp", 28); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"no path 9":   r.SendControl(9, 1, nil),
			"have no typ": r.SendControl(2, 1, nil),
			"type field":  r.SendControl(1, 256, nil),
			"allows":      r.SendControl(1, 1, make([]byte, 16385)),
		} {
			if err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", name, err)
			}
		}
		var err error
		for n := 0; n < queueSize+2 && err == nil; n++ {
			err = r.SendControl(1, typeBye, nil)
			synctest.Wait()
		}
		if err == nil || !strings.Contains(err.Error(), "does not read") {
			t.Errorf("full queue: %v", err)
		}
	})
}

// An hour with a packet each way every 7 seconds, and one without any.
func TestRulesWakeTheMachineRarely(t *testing.T) {
	for _, traffic := range []time.Duration{7 * time.Second, time.Hour} {
		l := liveness{rules: rules()}
		l.rules.Dpd.Dead = 0
		wakes := 0
		for now := time.Duration(0); now < time.Hour; wakes++ {
			last := now.Truncate(traffic)
			now = l.step(now, last, last).next
		}
		if wakes > 3600/4 {
			t.Errorf("traffic each %v: %d wakeups in an hour", traffic, wakes)
		}
	}
}

func TestLivenessWithoutRulesNeverWakes(t *testing.T) {
	if d := (&liveness{}).step(5, 0, 0); d != (due{next: never}) {
		t.Errorf("%+v", d)
	}
}

func TestLivenessAlwaysLooksLater(t *testing.T) {
	for _, dead := range []time.Duration{0, 15 * time.Second} {
		for _, retry := range []time.Duration{0, 5 * time.Second} {
			l := liveness{rules: framing.Rules{Dpd: framing.Dpd{After: time.Second, Retry: retry, Dead: dead}}}
			var asks []time.Duration
			for now := time.Duration(0); now < time.Minute; {
				d := l.step(now, 0, 0)
				if d.dead {
					break
				}
				if d.ask {
					asks = append(asks, now)
				}
				if d.next <= now {
					t.Fatalf("retry %v dead %v: at %v looks again at %v", retry, dead, now, d.next)
				}
				now = d.next
			}
			if len(asks) == 0 || !slices.IsSorted(asks) {
				t.Errorf("retry %v dead %v: asked at %v", retry, dead, asks)
			}
		}
	}
}

// TestKeepaliveWakesOnce: a keepalive leaves a moment after the timer fired, and the next
// timer is not too early for the next one.
func TestKeepaliveWakesOnce(t *testing.T) {
	l := liveness{rules: framing.Rules{Keepalive: framing.Keepalive{Idle: 10 * time.Second}}}
	now, tx := 10*time.Second, time.Duration(0)
	for range 5 {
		d := l.step(now, 0, tx)
		if !d.keepalive || d.next != now+10*time.Second {
			t.Fatalf("at %v, sent at %v: %+v", now, tx, d)
		}
		now, tx = d.next, now+3*time.Millisecond
	}
}
