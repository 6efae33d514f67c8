// Package tunnel runs SSTP and the machine of PPP in it against a host.
//
//	Run ─ open TLS ─ HTTP ─ call ─ PPP: login ─ binding ─ PPP: addresses ─ Configure, Attach ─ end
//	         packets by the connection, read here                        │ as control frames
//
// The host carries packets after that, and answers echoes.
package tunnel

import (
	"context"
	"errors"
	"net"
	"net/url"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Host is what a tunnel asks of its host: the sdk's session, see OnSession.
type Host interface {
	OpenTLS(ctx context.Context, host string, port int) (Conn, error)
	Attach(ctx context.Context, c Conn, over []byte, f framing.Spec) (Path, error)
	Configure(ctx context.Context, c sdk.NetConfig) error
	Phase(p sdk.Phase) error
	Events() <-chan sdk.Event
	Info(format string, args ...any)
	Warn(format string, args ...any)
	Debug(format string, args ...any)
	TraceText(text string)
}

// Conn is an open TLS transport.
type Conn interface {
	net.Conn
	Info() sdk.Info
}

// Path is an attached transport.
type Path interface {
	ID() uint32
	Send(frameType uint32, payload []byte) error
	Close() error
}

// Options of a tunnel.
type Options struct {
	Gateway *url.URL
	MTU     int // the user's limit inside the tunnel; 0: none
	DPD     time.Duration
	Trace   bool
	// Again says that there was a tunnel before: a gateway that does not answer is to be
	// tried again then.
	Again bool
	// PPP is what its machine is made of.
	PPP ppp.Config
	// Keep has what Resume needs survive this process.
	Keep func(Kept) error
	// Ask puts a question of the gateway to the user, NewPassword asks for a new password.
	Ask         func(ctx context.Context, text string) (string, error)
	NewPassword func(ctx context.Context, text string) (string, error)
}

// MRU is what is asked for, and the most that is sent: so do other clients, and a TCP segment
// of the usual size holds a packet whole.
const MRU = 1400

// Kept is a tunnel that another process may go on with.
type Kept struct {
	Path uint32
	PPP  ppp.Saved
}

// Resume goes on with a tunnel to the end of the session.
func Resume(ctx context.Context, host Host, path Path, kept Kept, o Options) error {
	s := newSession(host, o)
	s.path, s.called, s.ppp = path, true, ppp.Resume(time.Now(), s.o.PPP, kept.PPP)
	s.expires.Stop()
	return s.run(ctx, ctx)
}

// Run goes from the first byte to the end of the session. It returns nil after a Stop,
// with which until ends too.
func Run(ctx, until context.Context, host Host, o Options) error {
	s := newSession(host, o)
	err := s.run(ctx, until)
	var f *sdk.Failure
	if errors.As(err, &f) && f.Retry == sdk.Backoff && s.path == nil && !o.Again {
		return &sdk.Failure{Retry: sdk.Never, Diagnostics: f.Diagnostics}
	}
	return err
}
