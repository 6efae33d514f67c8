package host

import (
	"context"
	"reflect"
	"strconv"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/host/internal/transport"
)

// freshness is how old a connection made ahead may be; gateways hang up on those
// that say nothing.
const freshness = 5 * time.Second

// ahead is the first connection to the gateway, made while the plugin starts, where
// the plugin's manifest says what it will be. Nothing is sent over it.
type ahead struct {
	host    string
	port    int
	options transport.TLSOptions

	cancel context.CancelFunc
	done   chan struct{} // closed when stream and err are there
	stream *transport.Stream
	err    error
	at     time.Time
}

// dialAhead begins; it returns nil where nothing is known.
func (c *connection) dialAhead(m registry.Manifest) *ahead {
	a := &ahead{done: make(chan struct{})}
	for _, p := range m.Protocols {
		if p.Name == c.profile.Protocol {
			a.port = p.TLSPort
		}
	}
	u, err := GatewayURL(c.options["gateway"])
	if a.port == 0 || err != nil || u.Hostname() == "" {
		return nil
	}
	if named, err := strconv.Atoi(u.Port()); err == nil {
		a.port = named
	}
	a.host, a.options.ClientCertificate = u.Hostname(), c.cert != nil
	ctx, cancel := context.WithCancel(context.Background())
	a.cancel = cancel
	go func() {
		defer close(a.done)
		a.stream, a.err = c.dialer.OpenTLS(ctx, a.host, a.port, a.options)
		a.at = time.Now()
	}()
	return a
}

// take gives the connection to who wants just that, once; otherwise nil. The error
// of an attempt that failed is as good as that of another one.
func (c *connection) take(host string, port int, o transport.TLSOptions) dialFunc {
	a := c.ahead
	if a == nil || a.host != host || a.port != port || !reflect.DeepEqual(a.options, o) {
		return nil
	}
	c.ahead = nil
	return func(ctx context.Context) (opened, error) {
		select {
		case <-a.done:
		case <-ctx.Done():
			a.drop()
			return nil, context.Cause(ctx)
		}
		if a.err == nil && time.Since(a.at) > freshness {
			a.drop()
			return orNil(c.dialer.OpenTLS(ctx, host, port, o))
		}
		return orNil(a.stream, a.err)
	}
}

// drop closes what nobody took.
func (a *ahead) drop() {
	if a == nil {
		return
	}
	a.cancel()
	<-a.done
	if a.err == nil {
		_ = a.stream.Close()
	}
}
