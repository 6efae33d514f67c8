package transport

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const plenty = 10 * codelBacklog

// during asks every millisecond for that long, and says at which milliseconds a datagram was dropped.
func during(c *codel, now *time.Time, long, waited time.Duration, backlog int) (drops []int) {
	for ms := range int(long / time.Millisecond) {
		if c.drop(*now, waited, backlog) {
			drops = append(drops, ms)
		}
		*now = now.Add(time.Millisecond)
	}
	return drops
}

// TestCodelDropsFromStandingQueues: neither from short ones nor for short times.
func TestCodelDropsFromStandingQueues(t *testing.T) {
	now, c := time.Unix(1, 0), &codel{}
	for _, quiet := range []struct {
		name         string
		long, waited time.Duration
		backlog      int
	}{
		{"short delay", time.Second, codelTarget - 1, plenty},
		{"small backlog", time.Second, time.Second, codelBacklog - 1},
		{"burst", codelInterval, time.Second, plenty},
		{"and is over", 1, 0, plenty},
		{"another burst", codelInterval, time.Second, plenty},
		{"a clock set back", 1, -time.Hour, plenty},
		{"a third", codelInterval, time.Second, plenty},
	} {
		if drops := during(c, &now, quiet.long, quiet.waited, quiet.backlog); len(drops) > 0 {
			t.Errorf("%s: dropped at %v ms", quiet.name, drops)
		}
		during(c, &now, time.Millisecond, 0, 0)
	}
}

// TestCodelControlLaw: the gaps are the interval by the square root of the count, and a
// queue that comes back soon meets the rate that it needed.
func TestCodelControlLaw(t *testing.T) {
	now, c := time.Unix(1, 0), &codel{}
	drops := during(c, &now, 500*time.Millisecond, 3*time.Millisecond, plenty)
	want := []int{100, 200, 271, 329, 379, 424, 465}
	if len(drops) != len(want) {
		t.Fatalf("dropped at %v, want %v", drops, want)
	}
	for i, ms := range want {
		if drops[i] < ms-1 || drops[i] > ms+1 {
			t.Errorf("dropped at %v, want %v", drops, want)
		}
	}
	during(c, &now, 10*time.Millisecond, 0, 0)
	again := during(c, &now, 200*time.Millisecond, 3*time.Millisecond, plenty)
	if len(again) < 3 || again[1]-again[0] > 50 {
		t.Errorf("then at %v", again)
	}
}

// TestCodelHoldsASender: one that grows until it loses, as TCP does, leaves a delay near the target.
func TestCodelHoldsASender(t *testing.T) {
	const service = 100_000 // bytes a millisecond
	now, c := time.Unix(1, 0), &codel{}
	rate, queue, worst := 2.0*service, 0.0, time.Duration(0)
	for ms := range 20_000 {
		queue = max(0, queue+rate-service)
		waited := time.Duration(queue / service * float64(time.Millisecond))
		if c.drop(now, waited, int(queue)) {
			rate *= 0.7
		}
		rate += service / 2000.
		if ms > 10_000 {
			worst = max(worst, waited)
		}
		now = now.Add(time.Millisecond)
	}
	if worst > codelInterval {
		t.Errorf("the queue stands for %v", worst)
	}
	if rate < service/2 {
		t.Errorf("the sender was slowed to %.0f", rate)
	}
}

// TestReceiveDropsFromStandingQueue: one datagram is lost, or all of its message are marked.
func TestReceiveDropsFromStandingQueue(t *testing.T) {
	for name, ect := range map[string]byte{"loss": 0, "mark": 2} {
		t.Run(name, func(t *testing.T) {
			p, far := ends(t, families["IPv4"])
			control(far, func(fd int) { must(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_TOS, int(ect))) })
			rx, n := newReceiver(p.conn, true), 60
			must(t, senderTo(t, far, p).send(frames(repeatSize(n, 1400)...), headroom, nil))
			must(t, rx.fill())
			rx.now = rx.now.Add(time.Second)
			rx.queue = codel{dropping: true, above: rx.now, next: rx.now}
			rx.queue.count = 1
			got, marked := 0, 0
			for _, ok := rx.next(); ok; _, ok = rx.next() {
				got++
				if rx.tos == 3 {
					marked++
				}
			}
			if lost := n - got; ect == 0 && lost != 1 || ect != 0 && (lost != 0 || marked == 0 || marked == n) {
				t.Errorf("%d of %d came, %d of them marked", got, n, marked)
			}
		})
	}
}
