// Package tunnel is the life of an AnyConnect session once there is a cookie: it
// opens the tunnel over TLS and a faster one over DTLS, keeps both alive through
// rekeys, lost paths and restarts of the plugin, and ends it.
//
//	         cookie                    rekey, network change, path lost
//	           │                                   │
//	           v                                   v
//	┌───── connect ── refused ──> Failure    connect again,
//	│          │                             the new path replaces the old
//	│      TLS path ───────────────────────────────┘
//	│          │
//	│       DTLS path <── again after 1, 2, 4, 8, 16 s, then every minute
//	│
//	└─ Stop, disconnect by the gateway ──> end
package tunnel

import (
	"context"
	"net"
	"net/url"
	"time"

	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/auth"
	"github.com/penstock-vpn/penstock/plugins/anyconnect/internal/cstp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Host is what a tunnel asks of its host: the sdk's session, see OnSession.
type Host interface {
	OpenTLS(ctx context.Context, host string, port int, certificate bool) (Conn, error)
	OpenDTLS(ctx context.Context, host string, port int, key Key) (Conn, error)
	Attach(ctx context.Context, c Conn, over []byte, f framing.Spec, preference int, replaces Path) (Path, error)
	Configure(ctx context.Context, c sdk.NetConfig) error
	Phase(p sdk.Phase) error
	Adopt(paths ...uint32) ([]Path, error)
	Checkpoint(data []byte) error
	Events() <-chan sdk.Event
	Info(format string, args ...any)
	Warn(format string, args ...any)
	Debug(format string, args ...any)
	TraceText(text string)
}

// Conn is an open transport.
type Conn interface {
	net.Conn
	Info() sdk.Info
	// CanExport says whether the TLS connection gives keying material.
	CanExport(ctx context.Context) bool
}

// Path is an attached transport.
type Path interface {
	ID() uint32
	Send(frameType uint32, payload []byte) error
	Close() error
}

// Key is how a DTLS association gets its keys: From names the TLS connection that
// exports one, or MasterSecret is resumed with.
type Key struct {
	SessionID    []byte
	From         Conn
	MasterSecret []byte
	Suites       []string
	Timeout      time.Duration
}

// Options of a tunnel.
type Options struct {
	UserAgent   string
	Hostname    string
	Certificate bool // the user has a client certificate
	NoIPv6      bool
	MTU         int           // the user's limit inside the tunnel; 0: none
	DPD         time.Duration // in place of the gateway's; 0: the gateway's
	NoDTLS      bool
	Suites      []cstp.Suite // for resumptions
	NoPSK       bool
	Trace       bool
	// CookieOption is the option that holds the cookie; "": it comes from a login.
	CookieOption string
	// Profile is called once, in a goroutine of its own, when the gateway names a
	// profile only with the tunnel; nil: not interested.
	Profile func(ctx context.Context, gateway *url.URL, m auth.Manifest)
}

// Preferences of the paths: packets leave over DTLS where there is one.
const (
	preferTLS  = 10
	preferDTLS = 20
)

const (
	connectTimeout = 45 * time.Second // TCP, TLS and CONNECT together
	dtlsTimeout    = 8 * time.Second  // of one handshake
)
