// Package netcfg is the declarative network configuration of a tunnel and the
// seam to what makes the system follow it: vpnc-script hooks or NetworkManager.
package netcfg

import (
	"context"
	"net/netip"
	"time"
)

// Config is what the system shall look like. The zero Config removes everything.
type Config struct {
	Interface string     // name of the TUN device
	Gateway   netip.Addr // outer address of the gateway; its route must stay outside
	MTU       int        // bytes of an inner packet

	Addresses []netip.Prefix // host address with prefix length: 10.0.0.7/24
	Routes    []netip.Prefix // into the tunnel; 0.0.0.0/0 and ::/0 for all of a family
	Excludes  []netip.Prefix // stay outside

	DNS      []netip.Addr
	Search   []string // default and search domains
	SplitDNS []string // domains asked inside; empty: all
	NBNS     []netip.Addr

	Banner        string
	ProxyPAC      string
	Expires       time.Time     // end of the session, zero when unknown
	IdleTimeout   time.Duration // zero when unknown
	ScriptOptions []Pair        // the gateway's own words, in order
}

// Pair is one header as the gateway sent it.
type Pair struct {
	Key, Value string
}

// Zero says whether c is the Config that removes everything.
func (c *Config) Zero() bool { return c.Interface == "" }

// Applier makes the system follow a Config.
type Applier interface {
	// Apply is idempotent; what an earlier Config had and c lacks is removed. A
	// changed MTU alone is not applied again: the host sets it on the device.
	Apply(ctx context.Context, c Config) error
}

// Preparer is an Applier that wants to know before there is a TUN device.
type Preparer interface {
	// Prepare gets the Config to come; its Interface is the name asked for, empty
	// when the kernel shall choose one.
	Prepare(ctx context.Context, c Config) error
}

// Undoer is an Applier whose work outlives its process.
type Undoer interface {
	// Undo is the command that removes what Apply(c) sets up. The host writes it
	// down before Apply, for whoever finds the host dead.
	Undo(c Config) Command
}

// Reconnecter is an Applier that wants to know of a lost path.
type Reconnecter interface {
	// Reconnecting is called before each try, with the Config in force.
	Reconnecting(ctx context.Context) error
	// Reconnected is called after a success; Apply follows when the Config changed.
	Reconnected(ctx context.Context) error
}
