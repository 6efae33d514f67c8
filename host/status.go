package host

import (
	"os"
	"reflect"

	"github.com/penstock-vpn/penstock/host/internal/control"
	"github.com/penstock-vpn/penstock/host/internal/session"
)

// publish takes a new snapshot for the control socket and tells who listens.
func (c *connection) publish() {
	s := Status{
		Name: c.profile.Name, Protocol: c.profile.Protocol, State: c.word(), Gateway: c.options["gateway"],
		MTU: c.config.MTU, ConnectedAt: c.connectedAt, PID: os.Getpid(),
	}
	if c.device != nil {
		s.Interface = c.device.Name()
		s.Addresses = c.config.Addresses
	}
	if c.life != nil && c.life.process != nil {
		s.PluginPID = c.life.process.Pid()
	}
	if c.plane != nil {
		s.MTU = c.plane.MTU()
		if n, kind, ok := c.plane.Active(); ok {
			s.Transport = kind
			if t := c.transports[n]; t != nil {
				s.Cipher = t.info.Cipher
			}
		}
	}
	before := c.snapshot.Swap(&s)
	if c.settings.OnState != nil && (before == nil || !reflect.DeepEqual(*before, s)) {
		c.settings.OnState(s)
	}
}

// word is the state as status shows it. A plugin that is started again while
// packets flow is nobody's business.
func (c *connection) word() string {
	switch {
	case c.state.Phase == session.Ended:
		return control.Disconnected
	case c.state.Phase == session.Stopping:
		return control.Disconnecting
	case c.state.WasUp && !c.state.Lost:
		return control.Connected
	case c.state.WasUp:
		return control.Reconnecting
	}
	return control.Connecting
}

// status answers the control socket, from its goroutines.
func (c *connection) status() Status {
	s := *c.snapshot.Load()
	if plane := c.live.Load(); plane != nil {
		n := plane.Stats()
		s.RxBytes, s.TxBytes, s.RxPackets, s.TxPackets = n.RxBytes, n.TxBytes, n.RxPackets, n.TxPackets
	}
	return s
}
