package host

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/dataplane"
	"github.com/penstock-vpn/penstock/host/internal/journal"
	"github.com/penstock-vpn/penstock/host/internal/netmon"
	"github.com/penstock-vpn/penstock/host/internal/registry"
	"github.com/penstock-vpn/penstock/host/internal/session"
	"github.com/penstock-vpn/penstock/host/internal/transport"
	"github.com/penstock-vpn/penstock/host/internal/tun"
	"github.com/penstock-vpn/penstock/host/netcfg"
	"github.com/penstock-vpn/penstock/host/ui"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/option"
)

// connection is what Run holds. Its fields belong to the loop, except where a
// comment says otherwise.
type connection struct {
	profile  Profile
	schema   option.Schema
	options  option.Values // defaults filled in
	settings Settings
	log      *slog.Logger
	prompter ui.Prompter
	dialer   *transport.Dialer
	cert     *transport.ClientCert // nil: none
	record   *journal.Record

	ctx     context.Context // of work that outlives a wish to stop, such as saying goodbye
	inbox   chan func()
	watch   func()              // has netmon look after the way to the gateway
	changes <-chan netmon.Event // nil until then
	ended   chan struct{}

	limits   session.Limits
	state    session.State
	retry    *time.Timer
	deadline *time.Timer

	ahead      *ahead // nil: there is none, or it was taken
	life       *life  // the running plugin; nil between two
	lives      sync.WaitGroup
	transports map[uint32]*link
	closing    sync.WaitGroup // of transports that are being closed
	checkpoint []byte
	redact     redactor
	handedOut  bool // the session, by LoggedIn

	device     tun.Device
	plane      *dataplane.Plane
	system     *system // applies network settings, in order
	config     netcfg.Config
	configured bool // config is in force

	connectedAt time.Time
	snapshot    atomic.Pointer[Status] // read by the control socket
	live        atomic.Pointer[dataplane.Plane]
	tunName     atomic.Pointer[string]
}

func newConnection(ctx context.Context, p Profile, m registry.Manifest, prompter ui.Prompter, applier netcfg.Applier, record *journal.Record, s Settings) (*connection, error) {
	schema := append(CommonOptions(), m.Options...)
	options, err := fillIn(schema, p)
	if err != nil {
		return nil, err
	}
	c := &connection{
		profile: p, schema: schema, options: options, settings: s, log: s.Logger, prompter: prompter, record: record,
		inbox: make(chan func(), 16), ended: make(chan struct{}),
		limits:     session.Limits{Reconnect: duration(options["reconnect-timeout"]), Stop: stopPatience},
		retry:      stoppedTimer(),
		deadline:   stoppedTimer(),
		transports: map[uint32]*link{},
	}
	c.system = newSystem(applier, c.log)
	c.hideSecrets()
	d, err := c.newDialer(ctx)
	if err != nil {
		return nil, err
	}
	c.dialer = d
	c.ahead = c.dialAhead(m)
	c.publish()
	return c, nil
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// fillIn checks p's options once more, whoever made them, and adds the defaults.
func fillIn(schema option.Schema, p Profile) (option.Values, error) {
	values, problems := schema.Normalise(p.Options)
	for i := range problems {
		if !problems[i].Warning {
			problems[i].Code = diag.Config
			return nil, &problems[i]
		}
	}
	return schema.WithDefaults(values), nil
}

// duration reads an option that the schema has normalised.
func duration(s string) time.Duration {
	d, _ := time.ParseDuration(s)
	return d
}

// teardown removes everything, in the order in which scripts expect it: the
// network settings while the device is still there, then the device.
func (c *connection) teardown() {
	close(c.ended)
	c.endLife()
	c.lives.Wait()
	c.ahead.drop()
	c.system.remove()
	for n := range c.transports {
		c.closeLink(n)
	}
	if c.plane != nil {
		_ = c.plane.Close() // and the device
	}
	c.closing.Wait()
	if c.cert != nil {
		_ = c.cert.Close()
	}
}

// ownInterface is the TUN device's name, for whoever must ignore its changes.
func (c *connection) ownInterface() string {
	if name := c.tunName.Load(); name != nil {
		return *name
	}
	return ""
}

// gateway is the outer address in use.
func (c *connection) gateway() netip.Addr { return c.dialer.Gateway() }
