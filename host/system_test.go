package host

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// applier takes its time and notes how each Apply ended.
type applier struct {
	takes time.Duration
	ended []string
}

func (a *applier) Apply(ctx context.Context, c netcfg.Config) error {
	if c.Zero() {
		a.ended = append(a.ended, "removed")
		return nil
	}
	select {
	case <-time.After(a.takes):
		a.ended = append(a.ended, "applied")
	case <-ctx.Done():
		a.ended = append(a.ended, "cut short")
	}
	return nil
}

func TestRemoveLetsARunningHookFinish(t *testing.T) {
	for takes, want := range map[time.Duration]string{time.Second: "applied", time.Hour: "cut short"} {
		synctest.Test(t, func(t *testing.T) {
			a, start := &applier{takes: takes}, time.Now()
			s := newSystem(a, slog.New(slog.DiscardHandler))
			s.do(func(ctx context.Context, n netcfg.Applier) { _ = n.Apply(ctx, netcfg.Config{Interface: "tun0"}) })
			s.remove()
			if !slices.Equal(a.ended, []string{want, "removed"}) || time.Since(start) > endPatience {
				t.Errorf("%v after %v, want %q first", a.ended, time.Since(start), want)
			}
		})
	}
}
