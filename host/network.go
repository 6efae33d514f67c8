package host

import (
	"context"
	"strconv"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/alarm"
	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/mtu"
	"github.com/penstock-vpn/penstock/host/internal/session"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
	"github.com/penstock-vpn/penstock/sdk/pluginpb"
)

// defaultInterface is the pattern of the TUN device's name, as the kernel fills it in.
const defaultInterface = "penstock%d"

// configure puts a NetConfig in force: the first one makes the TUN device.
func (c *connection) configure(m *pluginpb.FromPlugin, n *pluginpb.NetConfig) {
	config, err := parseNetConfig(n)
	if err != nil {
		c.reply(m, err)
		return
	}
	config.MTU = c.innerMTU(config)
	config.Gateway = c.gateway()
	if c.plane == nil {
		c.prepare(m, config)
		return
	}
	c.apply(m, config)
}

// prepare tells hooks that a device is to come, and makes it.
func (c *connection) prepare(m *pluginpb.FromPlugin, config netcfg.Config) {
	config.Interface = c.options["interface"]
	l := c.life
	c.system.do(func(ctx context.Context, a netcfg.Applier) {
		if p, ok := a.(netcfg.Preparer); ok {
			if err := p.Prepare(ctx, config); err != nil {
				c.log.Warn(err.Error())
			}
		}
		c.postTo(l, func() {
			if err := c.openDevice(config); err != nil {
				c.step(session.Broken{Why: diag.Of(err)})
				return
			}
			c.apply(m, config)
		})
	})
}

func (c *connection) openDevice(config netcfg.Config) error {
	open := func(n netcfg.Config) (tun.Device, error) { return OpenTUN(c.options, n.MTU) }
	if c.settings.OpenDevice != nil {
		open = c.settings.OpenDevice
	}
	device, err := open(config)
	if err != nil {
		return err
	}
	if n, err := strconv.Atoi(c.options["queue-len"]); err == nil {
		device = tun.Limit(device, n)
	}
	device = c.settings.Recorder.Device(device)
	c.device = device
	size := config.MTU
	c.plane = dataplane.New(device, dataplane.Options{MTU: size, PassDSCP: c.options["passtos"] == "true", After: alarm.AfterFunc})
	opened := device.Name()
	c.tunName.Store(&opened)
	c.live.Store(c.plane)
	plane := c.plane
	go func() {
		for e := range plane.Events() {
			c.post(func() { c.planeEvent(e) })
		}
	}()
	return nil
}

// OpenTUN makes a TUN device of the kernel's, as the options of a connection say.
func OpenTUN(options option.Values, size int) (tun.Device, error) {
	name := options["interface"]
	if name == "" {
		name = defaultInterface
	}
	open := tun.Open
	if options["offload"] == "false" {
		open = tun.OpenPlain
	}
	device, err := open(name, size)
	if err != nil {
		return nil, diag.New(diag.Unspecified, "the TUN device could not be made: "+err.Error(),
			"Check that /dev/net/tun exists (modprobe tun) and that the name given with interface is free.")
	}
	return device, nil
}

// apply has the system follow config. The plugin need not wait for that, the paths
// can come meanwhile; the connection is up when both are there.
func (c *connection) apply(m *pluginpb.FromPlugin, config netcfg.Config) {
	config.Interface = c.device.Name()
	c.plane.SetMinMTU(int(mtu.Min(hasIPv6(config))))
	if err := c.plane.SetMTU(config.MTU); err != nil {
		c.log.Warn("the MTU could not be set: " + err.Error())
	}
	if u, ok := c.system.applier.(netcfg.Undoer); ok {
		if err := c.record.Undo(u.Undo(config), config.Interface); err != nil {
			c.log.Warn("what is set up now could not be written down: " + err.Error())
		}
	}
	if config.Banner != "" && config.Banner != c.config.Banner {
		c.log.Info(ui.Clean(config.Banner))
	}
	c.config = config
	c.system.do(func(ctx context.Context, a netcfg.Applier) {
		err := a.Apply(ctx, config)
		c.post(func() {
			if err != nil {
				c.step(session.Broken{Why: diag.Of(err)})
				return
			}
			if err := c.plane.KeepMTU(); err != nil { // paths may have come meanwhile, and know it better
				c.log.Debug("the MTU could not be set: " + err.Error())
			}
			c.configured = true
			c.maybeUp()
		})
	})
	c.reply(m, nil)
}

// innerMTU is the device's MTU: what the gateway allows, or else what fits the
// narrowest open transport; never more than the user's option.
func (c *connection) innerMTU(config netcfg.Config) int {
	least := mtu.Min(hasIPv6(config))
	size := mtu.Inner(config.MTU)
	if size == 0 {
		size = mtu.Choose(mtu.Wire(defaultPathMTU), defaultOverhead, 0, least)
		for _, t := range c.transports {
			if t.opened != nil && t.info.PathMTU > 0 {
				size = min(size, mtu.Choose(mtu.Wire(t.info.PathMTU), t.info.Overhead, 0, least))
			}
		}
	}
	if own, err := strconv.Atoi(c.options["mtu"]); err == nil {
		size = min(size, mtu.Inner(own))
	}
	return int(max(size, least))
}

// What is assumed of a path that says nothing.
const (
	defaultPathMTU  = 1500
	defaultOverhead = 94
)

func hasIPv6(config netcfg.Config) bool {
	for _, a := range config.Addresses {
		if a.Addr().Is6() {
			return true
		}
	}
	return false
}

// maybeUp notices that nothing is missing any more.
func (c *connection) maybeUp() {
	if !c.configured || c.plane == nil || c.life == nil || !c.life.adopted {
		return
	}
	if _, _, ok := c.plane.Active(); !ok {
		return
	}
	if c.connectedAt.IsZero() {
		c.connectedAt = time.Now()
	}
	c.watch()
	c.step(session.CameUp{})
}

func (c *connection) reconnecting(why *diag.Diagnostic) {
	c.log.Warn("the connection is lost, reconnecting: " + why.Error())
	c.tell(netcfg.Reconnecter.Reconnecting)
}

func (c *connection) reconnected() {
	c.log.Debug("reconnected")
	c.tell(netcfg.Reconnecter.Reconnected)
}

// tell calls a method of an applier that wants to know of a lost path.
func (c *connection) tell(method func(netcfg.Reconnecter, context.Context) error) {
	c.system.do(func(ctx context.Context, a netcfg.Applier) {
		if r, ok := a.(netcfg.Reconnecter); ok {
			logFailure(c.log, method(r, ctx))
		}
	})
}
