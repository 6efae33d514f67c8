package host

import (
	"context"
	"log/slog"
	"time"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

const (
	endPatience   = 5 * time.Second  // for a hook that runs when the connection ends
	removeTimeout = 60 * time.Second // bounds what removing the network settings may take
)

// system runs what changes the machine's network, one thing after the other and
// outside the loop: hooks are scripts, and scripts take their time.
type system struct {
	applier netcfg.Applier
	log     *slog.Logger
	work    chan func(context.Context, netcfg.Applier)
	ctx     context.Context
	cancel  context.CancelFunc
	idle    chan struct{} // closed when the worker has ended
}

func newSystem(a netcfg.Applier, log *slog.Logger) *system {
	s := &system{applier: a, log: log, work: make(chan func(context.Context, netcfg.Applier), 64), idle: make(chan struct{})}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	go func() {
		defer close(s.idle)
		for w := range s.work {
			w(s.ctx, s.applier)
		}
	}()
	return s
}

// do queues w; a queue that is full of unfinished hooks drops it, and says so.
func (s *system) do(w func(context.Context, netcfg.Applier)) {
	select {
	case s.work <- w:
	default:
		s.log.Warn("a hook was left out: the earlier ones have not ended")
	}
}

// remove waits for what runs, though not for ever, and removes everything that was
// applied.
func (s *system) remove() {
	close(s.work)
	impatience := time.AfterFunc(endPatience, s.cancel)
	<-s.idle
	impatience.Stop()
	s.cancel()
	ctx, cancel := context.WithTimeout(context.Background(), removeTimeout)
	defer cancel()
	logFailure(s.log, s.applier.Apply(ctx, netcfg.Config{}))
}

func logFailure(log *slog.Logger, err error) {
	if err != nil {
		log.Warn(err.Error())
	}
}
