package openconnect

import (
	"context"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/cmd/penstock/internal/signals"
	"github.com/penstock-vpn/penstock/host/internal/control"
)

// signals turns signals into commands until ctx ends.
func (c *run) signals(ctx context.Context, cancel func(), name string) <-chan host.Command {
	return signals.Watch(ctx, cancel, func() { c.statistics(ctx, name) }, func(command host.Command) {
		if command == host.Reconnect {
			c.out.say(levelInfo, "User requested reconnect")
		} else {
			c.hangup.Store(command == host.Hangup)
		}
	})
}

func (c *run) statistics(ctx context.Context, name string) {
	for _, dir := range control.Dirs() {
		if s, err := control.Query(ctx, dir, name); err == nil {
			c.news.statistics(s)
			return
		}
	}
}
