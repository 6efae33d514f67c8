package nm

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"

	"github.com/penstock-vpn/penstock/host/netcfg"
)

// applier hands network settings to NetworkManager, which applies them. It need not
// remove any: NetworkManager does that when the service stops or is gone.
//
// While a lost path is looked for the service stays Started: NetworkManager would
// wait for ever for a change after Started -> Starting -> Started.
type applier struct {
	emit           func(signal string, values ...any)
	started        func() // called after each set of settings
	never4, never6 bool
	log            *slog.Logger

	mu      sync.Mutex    // held while a set of signals goes out
	inForce netcfg.Config // the last
}

var (
	_ netcfg.Applier     = (*applier)(nil)
	_ netcfg.Reconnecter = (*applier)(nil)
)

// Apply sends the three dictionaries; also again, when something changed.
func (a *applier) Apply(_ context.Context, c netcfg.Config) error {
	if c.Zero() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.warn(c)
	a.inForce = c
	a.emit("Config", generic(c))
	if d := ip4(c, a.never4); d != nil {
		a.emit("Ip4Config", d)
	}
	if d := ip6(c, a.never6); d != nil {
		a.emit("Ip6Config", d)
	}
	if c.Banner != "" {
		a.emit("LoginBanner", c.Banner)
	}
	a.started()
	return nil
}

// Reconnecting has NetworkManager take away its route to the gateway, which goes by the
// old network's router while the device stays the same: it asks for the way anew only
// when there is no route. The host finds its way around the tunnel meanwhile.
func (a *applier) Reconnecting(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.inForce
	if c.Gateway.Unmap().Is4() {
		c.Gateway = netip.IPv6LinkLocalAllNodes() // one is wanted, and to those no router leads
	} else {
		c.Gateway = broadcast
	}
	return a.again(c)
}

// Reconnected has it set the route again.
func (a *applier) Reconnected(context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.again(a.inForce)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// again sends the first dictionary once more; the others stay in force.
func (a *applier) again(c netcfg.Config) error {
	if !c.Zero() {
		a.emit("Config", generic(c))
	}
	return nil
}

// warn tells what NetworkManager has no place for.
func (a *applier) warn(c netcfg.Config) {
	for _, family := range []func(netip.Addr) bool{netip.Addr.Is4, netip.Addr.Is6} {
		used := first(c.Addresses, family)
		for _, p := range c.Addresses {
			if family(p.Addr()) && p != used {
				a.log.Warn("the gateway gave more than one address; NetworkManager takes one of each family", "unused", p)
			}
		}
		if routes, _ := into(c, family, false); len(routes) == maxRoutes {
			a.log.Warn("the gateway gave too many routes; some were left out", "kept", maxRoutes)
		}
	}
}
