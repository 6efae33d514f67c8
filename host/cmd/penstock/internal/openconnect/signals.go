package openconnect

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host"
	"github.com/penstock-vpn/penstock/host/internal/control"
)

var meanings = map[os.Signal]host.Command{
	unix.SIGINT: host.Disconnect, unix.SIGTERM: host.Disconnect, unix.SIGHUP: host.Hangup, unix.SIGUSR2: host.Reconnect,
}

// signals turns signals into commands until ctx ends. The second wish to end ends ctx; a
// third one kills.
func (c *run) signals(ctx context.Context, cancel func(), name string) <-chan host.Command {
	commands := make(chan host.Command, 4)
	in := make(chan os.Signal, 8)
	signal.Notify(in, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2)
	go func() {
		ending := false
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-in:
				if s == unix.SIGUSR1 {
					c.statistics(ctx, name)
					continue
				}
				command := meanings[s]
				if command == host.Reconnect {
					c.out.say(levelInfo, "User requested reconnect")
				} else if ending {
					cancel()
					signal.Reset(unix.SIGINT, unix.SIGTERM)
					return
				} else {
					ending = true
					c.hangup.Store(command == host.Hangup)
				}
				select {
				case commands <- command:
				default: // as many are waiting already
				}
			}
		}
	}()
	return commands
}

func (c *run) statistics(ctx context.Context, name string) {
	for _, dir := range control.Dirs() {
		if s, err := control.Query(ctx, dir, name); err == nil {
			c.news.statistics(s)
			return
		}
	}
}
