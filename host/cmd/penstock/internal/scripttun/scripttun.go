// Package scripttun has a program stand for the TUN device, as OpenConnect's --script-tun:
// it gets the packets in a socket whose number VPNFD names. No root is needed.
package scripttun

import (
	"context"
	"errors"
	"log/slog"

	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/netcfg"
	vpncscript "github.com/penstock-vpn/penstock/vpnc-script"
)

// name is what OpenConnect calls the device.
const name = "(script)"

// Applier leaves the machine's network as it is.
type Applier struct{}

// Apply implements netcfg.Applier.
func (Applier) Apply(context.Context, netcfg.Config) error { return nil }

// Opener makes the device of a connection, for host.Settings, by starting the program.
func Opener(o vpncscript.Options) func(netcfg.Config) (tun.Device, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return func(c netcfg.Config) (tun.Device, error) {
		dev, theirs, err := tun.OpenSocket(name)
		if err != nil {
			return nil, err
		}
		defer theirs.Close() //nolint:errcheck // the program has one of its own
		p, err := vpncscript.StartTunnel(o, c, theirs)
		if err != nil {
			return nil, errors.Join(err, dev.Close())
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			if err := p.Wait(ctx); ctx.Err() == nil {
				o.Logger.Error(err.Error())
				_ = dev.Close() // the connection ends with its device
			}
		}()
		return &device{dev, p, cancel}, nil
	}
}

// device ends its program.
type device struct {
	tun.Device
	program *vpncscript.TunnelProgram
	ended   context.CancelFunc
}

// Close ends the program, too.
func (d *device) Close() error {
	d.ended()
	d.program.End()
	return d.Device.Close()
}
