package machine

import (
	"crypto"
	"crypto/rand"
	"io"
	"net/netip"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/eap"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
)

// Config is what a machine does.
type Config struct {
	Gateway       string         // as the user wrote it: what the certificate must be for
	Local, Remote netip.AddrPort // of the first transport; zero: unknown
	From          string         // the gateway that redirected to this one; "": none did

	Identity *ike.ID // ours
	RemoteID *ike.ID // what the gateway must be; nil: what its certificate says of Gateway
	Auth     []Auth  // how we prove ourselves: one, or several in that order (RFC 4739)
	// SharedKey is how the gateway proves itself; empty: by a certificate.
	SharedKey []byte
	// AnyConnect says that the gateway is one of Cisco's that speaks with AnyConnect.
	AnyConnect bool

	// Addresses are those inside that a session before this one had, to be asked for again.
	Addresses []netip.Addr

	// Tickets asks the gateway for one; Ticket is one from before, nil without.
	Tickets bool
	Ticket  *Ticket

	IKE, ESP     []ike.Proposal
	Begin4500    bool // do not begin at port 500
	Plain        bool // ESP without UDP around it, where no NAT is found
	NoMOBIKE     bool
	NoIPv6       bool
	Fragment     int           // the largest message, in bytes; 0: the default
	IKELife      time.Duration // until we rekey; 0: never
	ChildLife    time.Duration
	ChildBytes   uint64 // that an SA carries until we rekey; 0: any
	ChildPackets uint64
	DPD          time.Duration // silence before the gateway is asked for a sign of life; 0: never
	FirstTimeout time.Duration // before the first retransmission; 0: the default
	Tries        int           // how often a message is sent; 0: the default
	FirstTries   int           // how often the very first one is; 0: as the others

	// ShowKeys has those of IKE and ESP among the Traces, as Wireshark reads them.
	ShowKeys bool

	Random io.Reader // nil: the system's
}

// Auth is one of SharedKey, Certificate and EAP.
type Auth interface {
	// who we are in it; nil: Config.Identity.
	who() *ike.ID
}

// SharedKey proves by a key that both sides have.
type SharedKey struct {
	Key      []byte
	Identity *ike.ID
}

// Certificate proves by a private key that Sign asks for.
type Certificate struct {
	Chain    [][]byte // DER, the user's own first
	Public   crypto.PublicKey
	PlainRSA bool // the key cannot do RSA-PSS
	Identity *ike.ID
}

// EAP proves by an EAP method. Only says that the gateway may do without a certificate
// (RFC 5998), for methods that prove both sides.
type EAP struct {
	Peer     func() *eap.Peer // makes a fresh one
	Only     bool
	Identity *ike.ID
}

func (a SharedKey) who() *ike.ID   { return a.Identity }
func (a Certificate) who() *ike.ID { return a.Identity }
func (a EAP) who() *ike.ID         { return a.Identity }

const (
	defaultFragment = 1200 // fits into 1280 with IPv6, UDP and the marker
	defaultTimeout  = time.Second
	defaultTries    = 6 // 41 seconds in all
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
	if len(c.IKE) == 0 {
		c.IKE = DefaultIKE()
	}
	if len(c.ESP) == 0 {
		c.ESP = DefaultESP()
	}
	return c
}

func (m *Machine) random(n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(m.c.Random, b)
	return b, err
}
