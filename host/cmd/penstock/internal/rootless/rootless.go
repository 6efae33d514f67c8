// Package rootless has a proxy stand for the TUN device: programs reach the inside through
// it, over a TCP/IP of the process's own. No root is needed, and nothing of the machine
// changes.
package rootless

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"

	"github.com/penstock-vpn/penstock/host/internal/config"
	"github.com/penstock-vpn/penstock/host/internal/proxy"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/internal/userstack"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Proxy is one that listens, and serves as soon as there is a tunnel: clients that come
// before wait. It implements netcfg.Applier.
type Proxy struct {
	listener net.Listener
	who      *proxy.Credentials
	log      *slog.Logger

	mu     sync.Mutex // guards inside
	inside *userstack.Network
}

// Listen listens at ADDRESS:PORT. authFile, if any, holds the USER:PASSWORD that clients
// must know.
func Listen(ctx context.Context, where, authFile string, log *slog.Logger) (*Proxy, error) {
	p := &Proxy{log: log}
	if authFile != "" {
		line, err := config.ReadSecret(authFile)
		if err != nil {
			return nil, err
		}
		if p.who, err = proxy.ParseCredentials(line); err != nil {
			return nil, diag.New(diag.Config, "the proxy's credentials in "+authFile+" are not understood", err.Error())
		}
	}
	var err error
	p.listener, err = proxy.Listen(ctx, where, p.who)
	return p, err
}

// Close stops listening; whoever waits for a tunnel is turned away.
func (p *Proxy) Close() error { return p.listener.Close() }

// OpenDevice makes the device of a connection, for host.Settings, and begins to serve.
func (p *Proxy) OpenDevice(c netcfg.Config) (tun.Device, error) {
	inside, dev, err := userstack.New("proxy "+p.listener.Addr().String(), c)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	p.inside = inside
	p.mu.Unlock()
	return &device{dev, proxy.Serve(p.listener, inside, p.who, p.log)}, nil
}

// Apply implements netcfg.Applier: the settings are the inside's, not the machine's. The
// device's end is that of everything else.
func (p *Proxy) Apply(_ context.Context, c netcfg.Config) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inside == nil || c.Zero() {
		return nil
	}
	return p.inside.Configure(c)
}

// device ends its proxy.
type device struct {
	tun.Device
	server *proxy.Server
}

// Close ends the connections of the stack first: those of the proxy may wait for them.
func (d *device) Close() error { return errors.Join(d.Device.Close(), d.server.Close()) }
