package netmon

import (
	"context"
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"
)

var (
	home   = way{link: 2, hop: "home"}
	mobile = way{link: 3, hop: "mobile"}
)

// watched runs settle on a clock of its own.
func watched(t *testing.T, test func(hints chan<- hint, now *atomic.Pointer[way], out <-chan Event)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		hints, out := make(chan hint), make(chan Event)
		var now atomic.Pointer[way]
		now.Store(&home)
		go calm.settle(ctx, hints, home, func() way { return *now.Load() }, out)
		test(hints, &now, out)
	})
}

func expect(t *testing.T, out <-chan Event, want Event) {
	t.Helper()
	select {
	case e := <-out:
		if e != want {
			t.Errorf("got %v, want %v", e, want)
		}
	case <-time.After(time.Minute):
		t.Errorf("nothing came, want %v", want)
	}
}

func expectNone(t *testing.T, out <-chan Event) {
	t.Helper()
	select {
	case e := <-out:
		t.Errorf("got %v, want nothing", e)
	case <-time.After(time.Minute):
	}
}

func TestNothingDiffers(t *testing.T) {
	watched(t, func(hints chan<- hint, _ *atomic.Pointer[way], out <-chan Event) {
		hints <- hint{}
		hints <- hint{down: []int{7}}
		expectNone(t, out)
	})
}

func TestAnotherWay(t *testing.T) {
	watched(t, func(hints chan<- hint, now *atomic.Pointer[way], out <-chan Event) {
		now.Store(&mobile)
		hints <- hint{}
		expect(t, out, Changed)
		hints <- hint{}
		expectNone(t, out)
	})
}

func TestLostAndBack(t *testing.T) {
	watched(t, func(hints chan<- hint, now *atomic.Pointer[way], out <-chan Event) {
		now.Store(&way{})
		hints <- hint{down: []int{2}}
		expect(t, out, Lost)
		hints <- hint{down: []int{2}}
		expectNone(t, out)
		now.Store(&home)
		hints <- hint{}
		expect(t, out, Changed)
	})
}

func TestLinkWasDownForAMoment(t *testing.T) {
	watched(t, func(hints chan<- hint, _ *atomic.Pointer[way], out <-chan Event) {
		hints <- hint{down: []int{2}}
		hints <- hint{}
		expect(t, out, Changed)
		expectNone(t, out)
	})
}

// The same of the device that the route for the gateway alone still names.
func TestPinnedLinkWasDownForAMoment(t *testing.T) {
	watched(t, func(hints chan<- hint, now *atomic.Pointer[way], out <-chan Event) {
		pinned := home
		pinned.out = 9
		now.Store(&pinned)
		hints <- hint{}
		expect(t, out, Changed)
		hints <- hint{down: []int{9}}
		expect(t, out, Changed)
		expectNone(t, out)
	})
}

// A burst is one event, after its end; one without end is looked at anyway.
func TestBursts(t *testing.T) {
	watched(t, func(hints chan<- hint, now *atomic.Pointer[way], out <-chan Event) {
		start := time.Now()
		now.Store(&way{})
		hints <- hint{}
		<-time.After(calm.quiet / 2)
		now.Store(&mobile)
		hints <- hint{}
		expect(t, out, Changed)
		if took := time.Since(start); took != calm.quiet/2+calm.quiet {
			t.Errorf("took %v", took)
		}
	})
	watched(t, func(hints chan<- hint, now *atomic.Pointer[way], out <-chan Event) {
		start := time.Now()
		now.Store(&mobile)
		for {
			select {
			case hints <- hint{}:
				<-time.After(calm.quiet / 2)
				continue
			case e := <-out:
				if took := time.Since(start); e != Changed || took > calm.patience+calm.quiet {
					t.Errorf("%v after %v", e, took)
				}
			}
			return
		}
	})
}

func note(kind uint16, index, flags uint32) []byte {
	b := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b, uint32(len(b)))
	binary.NativeEndian.PutUint16(b[4:], kind)
	binary.NativeEndian.PutUint32(b[unix.SizeofNlMsghdr+4:], index)
	binary.NativeEndian.PutUint32(b[unix.SizeofNlMsghdr+8:], flags)
	return b
}

func TestLinksDown(t *testing.T) {
	b := note(unix.RTM_NEWLINK, 2, unix.IFF_UP)
	b = append(b, note(unix.RTM_NEWLINK, 3, unix.IFF_UP|unix.IFF_LOWER_UP)...)
	b = append(b, note(unix.RTM_NEWROUTE, 4, 0)...)
	b = append(b, note(unix.RTM_DELLINK, 5, unix.IFF_LOWER_UP)...)
	got := linksDown(b)
	if len(got) != 2 || got[0] != 2 || got[1] != 5 {
		t.Errorf("got %v", got)
	}
}

func FuzzLinksDown(f *testing.F) {
	f.Add(append(note(unix.RTM_NEWLINK, 2, 0), 1, 2, 3))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got := linksDown(b); len(got) > len(b)/(unix.SizeofNlMsghdr+unix.SizeofIfInfomsg) {
			t.Errorf("%d links in %d bytes", len(got), len(b))
		}
	})
}

func TestClockShowsSleep(t *testing.T) {
	out := make(chan Event, 8)
	offsets := []time.Duration{0, 0, time.Hour, time.Hour + time.Millisecond, 3 * time.Hour}
	waits := 0
	wakesBy(t.Context(), out, func() error {
		if waits++; waits == len(offsets) {
			return errors.New("closed")
		}
		return unix.ECANCELED
	}, func() time.Duration { return offsets[waits] })
	if len(out) != 2 || <-out != Wake || <-out != Wake {
		t.Errorf("got %d events", len(out))
	}
	if timer, err := sleeper(); err != nil {
		t.Error(err)
	} else if err := timer.Close(); err != nil {
		t.Error(err)
	}
	if asleep() < 0 {
		t.Error("the machine slept less than nothing")
	}
}
