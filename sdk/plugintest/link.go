package plugintest

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// link is a transport between the plugin and its gateway, as a host runs it: two
// pumps, until the plugin closes or attaches it.
//
//	plugin <== socketpair ==> link <== network ==> gateway
type link struct {
	id      uint32
	kind    string
	plugin  *net.UnixConn // nil for dtls
	network net.Conn
	up      chan struct{} // closed when all that the plugin wrote is on the network
	down    chan struct{} // closed when the network is not read any more
	once    sync.Once
}

// biggest is the largest datagram, in bytes.
const biggest = 64 << 10

func (l *link) close() {
	l.once.Do(func() {
		if l.plugin != nil {
			_ = l.plugin.Close()
		}
		_ = l.network.Close()
	})
}

// pumpUp forwards what the plugin writes until its writing end is closed.
func (l *link) pumpUp() {
	defer close(l.up)
	pump(l.network, l.plugin)
}

// pumpDown forwards what the gateway sends until it ends or drain stops it.
func (l *link) pumpDown() {
	defer close(l.down)
	pump(l.plugin, l.network)
	_ = l.plugin.CloseWrite()
}

func pump(to, from net.Conn) {
	buffer := make([]byte, biggest)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

var errNotDrained = errors.New("the plugin did not close its writing end before Attach")

// drain is the host's half of the handover: everything that was read from the network
// is with the plugin then, and our writing end is closed.
func (l *link) drain(ctx context.Context) error {
	if l.plugin == nil {
		return nil
	}
	select {
	case <-l.up:
	case <-ctx.Done():
		return errNotDrained
	}
	_ = l.network.SetReadDeadline(time.Unix(1, 0))
	select {
	case <-l.down:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return l.network.SetReadDeadline(time.Time{})
}
