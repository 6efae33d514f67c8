package main

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
)

// meanings are OpenConnect's.
var meanings = map[os.Signal]host.Command{
	unix.SIGINT:  host.Disconnect,
	unix.SIGTERM: host.Disconnect,
	unix.SIGHUP:  host.Hangup,
	unix.SIGUSR2: host.Reconnect,
}

// watchSignals turns signals into commands until ctx ends; what comes later, while
// things are put away, is ignored. SIGUSR1 prints statistics. The second wish to end
// ends ctx; a third one kills.
func (a *app) watchSignals(ctx context.Context, cancel func(), name string) <-chan host.Command {
	commands := make(chan host.Command, 4)
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	go func() {
		ending := false
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				if s == unix.SIGUSR1 {
					a.statistics(ctx, name)
					continue
				}
				command := meanings[s]
				if command != host.Reconnect && ending {
					cancel()
					signal.Reset(unix.SIGINT, unix.SIGTERM)
					return
				}
				ending = ending || command != host.Reconnect
				select {
				case commands <- command:
				default: // as many are waiting already
				}
			}
		}
	}()
	return commands
}

func (a *app) statistics(ctx context.Context, name string) {
	for _, dir := range a.controlDirs() {
		if s, err := control.Query(ctx, dir, name); err == nil {
			a.out.say("%s: received %s in %d packets, sent %s in %d packets%s", s.State, size(s.RxBytes), s.RxPackets, size(s.TxBytes), s.TxPackets, through(s))
			return
		}
	}
}
