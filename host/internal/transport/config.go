package transport

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

const (
	defaultDialTimeout = 15 * time.Second // of one address, and of one TLS or proxy handshake
	defaultTimeout     = 60 * time.Second // of one Open, people's answers not counted
)

// Resolver turns names into addresses; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// SystemTrust says whether the system's authorities are trusted.
type SystemTrust int

// By default they are where Config has no RootCAs.
const (
	TrustAlone     SystemTrust = iota // where there are no others
	TrustSystem                       // always, beside RootCAs
	DistrustSystem                    // never
)

// Config is what all transports of one connection share. The zero Config dials
// directly and trusts the system's authorities.
type Config struct {
	Resolver    Resolver    // nil: the system's
	Proxy       *url.URL    // http://[user:password@]host:port or socks5://...; nil: none
	RootCAs     string      // PEM file of the only trusted authorities; "": the system's
	System      SystemTrust // of the system's authorities
	Pins        []string    // pin-sha256:BASE64, sha256:HEX, sha1:HEX; a match replaces all other checks
	Certificate *ClientCert // presented when TLSOptions ask for it; nil: none

	// ConfirmCertificate asks the user whether to trust a chain that verifyErr (a
	// *diag.Diagnostic) speaks against. It may take as long as people take: the
	// gateway is dialled again afterwards. Nil: never trusted.
	ConfirmCertificate func(ctx context.Context, host string, chain []*x509.Certificate, verifyErr error) (bool, error)

	// Around names the device that a socket to an address must be bound to, because its
	// routes lead into the connection's own tunnel; "": none. Its error is why the
	// address cannot be reached. Nil: never any.
	Around func(to netip.Addr) (device string, err error)

	KeyLog io.Writer // takes the keys of TLS, for Wireshark; nil: they stay here

	NoOffload bool // UDP without UDP_SEGMENT and UDP_GRO, for kernels or cards that break them

	DialTimeout time.Duration // of one address, and of one TLS or proxy handshake; 0: 15 s
	Timeout     time.Duration // of one Open; 0: 60 s
}

// Dialer opens the transports of one connection. Its methods may be called from
// several goroutines.
type Dialer struct {
	cfg Config

	mu       sync.Mutex
	chosen   map[string]netip.Addr // host name -> the address that answered
	last     map[string]netip.Addr // the same, never forgotten: for when names cannot be resolved
	gateway  netip.Addr            // what the last stream connected to: gateway or proxy
	accepted map[string]string     // host name -> pin that the user accepted
	shown    map[string]*x509.Certificate
}

// New makes a Dialer. What is wrong with c shows at the first Open.
func New(c Config) *Dialer {
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	if c.DialTimeout <= 0 {
		c.DialTimeout = defaultDialTimeout
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	return &Dialer{cfg: c, chosen: map[string]netip.Addr{}, last: map[string]netip.Addr{}, accepted: map[string]string{}, shown: map[string]*x509.Certificate{}}
}

// Gateway is the outer address whose route must stay outside the tunnel: the
// gateway's, or the proxy's. It is the zero Addr before the first transport.
func (d *Dialer) Gateway() netip.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.gateway
}

// Forget drops the addresses chosen so far, so that the next Open resolves again. When
// it cannot, because the name servers are those of the tunnel that is lost, say, the
// last address serves once more. Certificates that the user accepted stay accepted.
func (d *Dialer) Forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.chosen)
}

// remember keeps addr for host, so that later transports reach the same machine.
func (d *Dialer) remember(host string, addr netip.Addr) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.chosen[host], d.last[host] = addr, addr
	d.gateway = addr
}

func (d *Dialer) lastKnown(host string) (netip.Addr, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.last[host]
	return a, ok
}

func (d *Dialer) recall(host string) (netip.Addr, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	a, ok := d.chosen[host]
	return a, ok
}

// Peer is who was reached last by a name: its address, not valid when a proxy knows it
// alone, and the certificate that it has shown over TLS, or nil.
func (d *Dialer) Peer(host string) (netip.Addr, *x509.Certificate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a, err := netip.ParseAddr(host); err == nil && d.cfg.Proxy == nil {
		return a, d.shown[host]
	}
	return d.last[host], d.shown[host]
}

func (d *Dialer) show(host string, chain []*x509.Certificate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(chain) > 0 {
		d.shown[host] = chain[0]
	}
}
