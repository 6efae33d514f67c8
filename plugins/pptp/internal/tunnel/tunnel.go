// Package tunnel runs PPTP and the machine of PPP in it against a host.
//
//	Run ─ open TCP ─ start ─ open GRE ─ call ─ PPP: login, encryption, addresses ─ Configure, Attach ─ end
//	                                          frames by GRE, read here           │ as control frames
//
// The host carries packets after that, numbers and encrypts them, and answers the echoes of
// PPP. The control connection stays here.
package tunnel

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Host is what a tunnel asks of its host: the sdk's session, see OnSession.
type Host interface {
	OpenTCP(ctx context.Context, host string, port int) (net.Conn, error)
	OpenGRE(ctx context.Context, host string) (Conn, error)
	Attach(ctx context.Context, c Conn, f framing.Spec, g sdk.GRE) (Path, error)
	Configure(ctx context.Context, c sdk.NetConfig) error
	Phase(p sdk.Phase) error
	Events() <-chan sdk.Event
	Info(format string, args ...any)
	Warn(format string, args ...any)
	Debug(format string, args ...any)
	TraceText(text string)
}

// Conn is an open raw transport.
type Conn interface {
	net.Conn
	Info() sdk.Info
}

// Path is an attached transport.
type Path interface {
	ID() uint32
	Send(frameType uint32, payload []byte) error
	InstallMPPE(ctx context.Context, m sdk.MPPE) error
	Close() error
}

// Options of a tunnel.
type Options struct {
	Host  string
	Port  int
	MTU   int // the user's limit inside the tunnel; 0: none
	DPD   time.Duration
	Trace bool
	// Again says that there was a tunnel before: a gateway that does not answer is to be
	// tried again then.
	Again bool
	// PPP is what its machine is made of.
	PPP ppp.Config
	// Ask puts a question of the gateway to the user, NewPassword asks for a new password.
	Ask         func(ctx context.Context, text string) (string, error)
	NewPassword func(ctx context.Context, text string) (string, error)
}

// MRU is the most that is asked for and sent: so do other clients, and nothing needs to be
// cut on lines of the usual size.
const MRU = 1400

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
