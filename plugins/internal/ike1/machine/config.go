package machine

import (
	"crypto/rand"
	"io"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike/keys"
	v1 "github.com/penstock-vpn/penstock/plugins/internal/ike1/keys"
)

// Config is what a machine does.
type Config struct {
	Gateway       string         // as the user wrote it: what a certificate must be for
	Local, Remote netip.AddrPort // of the first transport; zero: unknown

	Aggressive bool
	Auth       Auth
	XAuth      bool    // the user logs in too, once the ISAKMP SA is there
	Settings   bool    // ask for addresses and networks, by mode config
	Identity   *ike.ID // ours; nil: our address
	RemoteID   *ike.ID // what the gateway must call itself; nil: anything

	// Transport has ESP in transport mode, for what it selects; nil: in tunnel mode, for all.
	Transport *Selector

	IKE []v1.Suite // what is offered; with Aggressive all of one group
	ESP []ESPSuite
	// PFS is the group of a key exchange in quick mode; nil: there is none, unless
	// GatewayPFS says that the gateway decides.
	PFS        *keys.Group
	GatewayPFS bool

	Begin4500    bool          // do not begin at port 500
	Fragment     int           // the largest message, in bytes; 0: the default
	IKELife      time.Duration // until we rekey; 0: the default
	ChildLife    time.Duration
	DPD          time.Duration // silence before the gateway is asked for a sign of life; 0: never
	FirstTimeout time.Duration // before the first retransmission; 0: the default
	Tries        int           // how often a message is sent; 0: the default

	// ShowKeys has those of IKE and ESP among the Traces, as Wireshark reads them.
	ShowKeys bool

	Random io.Reader // nil: the system's
}

// Selector is the traffic of transport mode: a protocol, and a port at either side.
type Selector struct {
	Protocol      uint8
	Local, Remote uint16
}

// Auth is one of SharedKey, Certificate and Hybrid.
type Auth interface{ auth() }

// SharedKey is known to both sides.
type SharedKey struct{ Key []byte }

// Certificate proves us by an RSA key that Sign asks for, and the gateway by its own.
type Certificate struct{ Chain [][]byte } // DER, the user's own first

// Hybrid proves the gateway by a certificate, and us by XAUTH alone.
type Hybrid struct{}

func (SharedKey) auth()   {}
func (Certificate) auth() {}
func (Hybrid) auth()      {}

const (
	defaultFragment  = 1200 // fits into 1280 with IPv6, UDP and the marker
	defaultTimeout   = time.Second
	defaultTries     = 6 // 41 seconds in all
	defaultIKELife   = 8 * time.Hour
	defaultChildLife = time.Hour
)

func (c Config) withDefaults() Config {
	if c.Random == nil {
		c.Random = rand.Reader
	}
	if c.Fragment == 0 {
		c.Fragment = defaultFragment
	}
	if c.FirstTimeout == 0 {
		c.FirstTimeout = defaultTimeout
	}
	if c.Tries == 0 {
		c.Tries = defaultTries
	}
	if c.IKELife == 0 {
		c.IKELife = defaultIKELife
	}
	if c.ChildLife == 0 {
		c.ChildLife = defaultChildLife
	}
	if len(c.IKE) == 0 {
		c.IKE = DefaultIKE(c.Aggressive)
	}
	if len(c.ESP) == 0 {
		c.ESP = DefaultESP()
	}
	return c
}

// Weak is what is weak of that which is offered, and the option that it was named in; "":
// nothing is.
func (c Config) Weak() (what, option string) {
	for _, s := range c.IKE {
		if weak := s.Weak(); weak != "" {
			return weak, "ike"
		}
	}
	for _, s := range c.ESP {
		if weak := s.Weak(); weak != "" {
			return weak, "esp"
		}
	}
	if c.PFS != nil && c.PFS.Weak {
		return c.PFS.Name, "pfs"
	}
	return "", ""
}

func (m *Machine) random(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(m.c.Random, b)
	return b, err
}
