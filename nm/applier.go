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

	mu sync.Mutex // held while a set of signals goes out
}

var _ netcfg.Applier = (*applier)(nil)

// Apply sends the three dictionaries; also again, when something changed.
func (a *applier) Apply(_ context.Context, c netcfg.Config) error {
	if c.Zero() {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.warn(c)
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
