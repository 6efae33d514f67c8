// Package tunnel is the life of a session once there is a cookie: settings, packets over
// ESP or over TLS, and the end.
//
//	          ┌────────────── rekey, network change, TLS path lost, ESP tried again ──┐
//	          v                                                                       │
//	cookie ─> settings ─> ESP path ── answered ──> up ── no sign of life ──┐          │
//	          (getconfig,     └── not within 10 s ──> TLS path <───────────┘──> up ───┘
//	           HIP check)
//
// The two exclude each other: a TLS tunnel makes the keys of ESP worthless, so that it
// is not touched while ESP may work, and ESP begins with new settings.
package tunnel

import (
	"context"
	"net"
	"time"

	"github.com/penstock-vpn/penstock/plugins/globalprotect/internal/gp"
	"github.com/penstock-vpn/penstock/plugins/internal/httpc"
	"github.com/penstock-vpn/penstock/sdk"
)

// Options of a tunnel.
type Options struct {
	Identity    gp.Identity
	UserAgent   string
	Certificate bool // the user has a client certificate
	NoESP       bool
	Wrapper     bool          // the user names a program that reports about the computer
	HIPInterval time.Duration // between reports, in place of the portal's; 0: the portal's
	MTU         int           // the user's limit inside the tunnel; 0: none
	DPD         time.Duration // how long the gateway may be silent before it is asked; 0: the protocol's
	// CookieOption is the option that holds the cookie; "": it comes from a login.
	CookieOption string
	Pace         Pace
}

// Pace is how long things take; the zero Pace is the protocol's.
type Pace struct {
	ESPAnswer time.Duration // for the first answer over ESP
	ESPAgain  time.Duration // to the first new try of ESP, each further one twice as long
	Linger    time.Duration // of old keys, for packets that are under way
}

func (p Pace) withDefaults() Pace {
	fill := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	fill(&p.ESPAnswer, 10*time.Second)
	fill(&p.ESPAgain, time.Minute)
	fill(&p.Linger, 10*time.Second)
	return p
}

// Preferences of the paths.
const (
	preferTLS = 10
	preferESP = 20
)

const (
	requestTimeout = 45 * time.Second
	defaultHIP     = time.Hour
	longestPause   = time.Hour // between tries of ESP
	leastRekey     = 5 * time.Second
	early          = time.Minute // before a limit of the gateway
)

// openTLS opens nothing after the end of ctx: the host would hear of a transport that
// is taken back and never was.
func openTLS(ctx context.Context, s *sdk.Session, host string, port int, certificate bool) (*sdk.Transport, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return s.OpenTLS(ctx, host, port, sdk.TLSOptions{ClientCertificate: certificate})
}

// Client speaks HTTP with the gateway through connections of the host.
func Client(s *sdk.Session, userAgent string, certificate bool, timeout time.Duration, peer func(sdk.Info)) *httpc.Client {
	c := &httpc.Client{
		Dial: func(ctx context.Context, host string, port int) (net.Conn, error) {
			t, err := openTLS(ctx, s, host, port, certificate)
			if err != nil {
				return nil, err
			}
			if peer != nil {
				peer(t.Info())
			}
			return t, nil
		},
		Header: httpc.Header{
			{Name: "User-Agent", Value: userAgent},
			{Name: "Accept", Value: "*/*"},
			{Name: "Accept-Encoding", Value: "identity"},
			{Name: "Connection", Value: "Keep-Alive"},
		},
		Timeout: timeout,
		Redact:  gp.Redact,
	}
	if s.Trace() {
		c.Trace = s.TraceText
	}
	return c
}
