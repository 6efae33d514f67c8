package netmon

import (
	"context"
	"errors"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// slept is the least difference that is a sleep; reading two clocks differs by less.
const slept = time.Second

// wakes sends Wake after each sleep. A timer that never fires is cancelled by the
// kernel when the clock is set, which waking up does (timerfd_create(2),
// TFD_TIMER_CANCEL_ON_SET); whether it was a sleep shows in how far the clock that
// counts sleeping got ahead of the one that does not.
func wakes(ctx context.Context, out chan<- Event) {
	timer, err := sleeper()
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { _ = timer.Close() })()
	defer timer.Close() //nolint:errcheck // nothing was written
	wakesBy(ctx, out, func() error {
		_, err := timer.Read(make([]byte, 8))
		return err
	}, asleep)
}

// wakesBy waits by wait, whose ECANCELED says that the clock was set.
func wakesBy(ctx context.Context, out chan<- Event, wait func() error, asleep func() time.Duration) {
	before := asleep()
	for {
		if err := wait(); err != nil && !errors.Is(err, unix.ECANCELED) {
			return
		}
		now := asleep()
		if now-before >= slept && !send(ctx, out, Wake) {
			return
		}
		before = now
	}
}

func sleeper() (*os.File, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	never := unix.ItimerSpec{Value: unix.NsecToTimespec(1<<63 - 1)} // the year 2262
	if err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	return os.NewFile(uintptr(fd), "timer"), nil
}

// asleep is how long the machine has slept since it started.
func asleep() time.Duration {
	var all, awake unix.Timespec
	if unix.ClockGettime(unix.CLOCK_MONOTONIC, &awake) != nil || unix.ClockGettime(unix.CLOCK_BOOTTIME, &all) != nil {
		return 0
	}
	return time.Duration(all.Nano() - awake.Nano())
}
