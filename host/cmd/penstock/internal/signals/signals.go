// Package signals turns signals into commands to a connection, as OpenConnect means them.
package signals

import (
	"context"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/penstock-vpn/penstock/host"
)

var meanings = map[os.Signal]host.Command{
	unix.SIGINT:  host.Disconnect,
	unix.SIGTERM: host.Disconnect,
	unix.SIGHUP:  host.Hangup,
	unix.SIGUSR2: host.Reconnect,
}

// Watch turns signals into commands until ctx ends; what comes later, while things are put
// away, is ignored. SIGUSR1 asks for statistics, and heard, which may be nil, is told of each
// command. The second wish to end ends ctx by cancel; a third one kills.
func Watch(ctx context.Context, cancel, statistics func(), heard func(host.Command)) <-chan host.Command {
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
					statistics()
					continue
				}
				command := meanings[s]
				if command != host.Reconnect && ending {
					cancel()
					signal.Reset(unix.SIGINT, unix.SIGTERM)
					return
				}
				ending = ending || command != host.Reconnect
				if heard != nil {
					heard(command)
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
