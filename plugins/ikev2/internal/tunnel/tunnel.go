// Package tunnel runs the machine of IKEv2 against a host: it opens transports, carries
// datagrams between them and the machine, and puts into the host what the machine
// agreed on.
//
//	Run ─ open 500 ─> machine ─> open 4500 ─> Up: Configure, Attach ─> messages as control frames
//	                     ^                                                       │
//	                     └────────── a new transport when the network changes ───┘
//
// A session is with one gateway at a time. When that wants a new login, or sends us to
// another one, a second machine logs in beside the first and then takes its place.
package tunnel

import (
	"context"
	"crypto"
	"crypto/x509"
	"net"
	"time"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// Host is what a tunnel asks of its host: the sdk's session, see OnSession.
type Host interface {
	OpenUDP(ctx context.Context, host string, port int) (Conn, error)
	// OpenTCP is for what OpenUDP is, where UDP does not come through (RFC 9329).
	OpenTCP(ctx context.Context, host string, port int) (Conn, error)
	// OpenESP is ESP alone, without UDP around it.
	OpenESP(ctx context.Context, host string) (Conn, error)
	Attach(ctx context.Context, c Conn, esp *sdk.ESP, rules framing.Rules, replaces Path) (Path, error)
	Configure(ctx context.Context, c sdk.NetConfig) error
	Phase(p sdk.Phase) error
	Events() <-chan sdk.Event
	Info(format string, args ...any)
	Warn(format string, args ...any)
	Debug(format string, args ...any)
	TraceText(text string)
}

// Conn is an open transport: one Write, one datagram.
type Conn interface {
	net.Conn
	Info() sdk.Info
}

// Path is an attached transport.
type Path interface {
	ID() uint32
	Send(frameType uint32, payload []byte) error
	InstallSA(ctx context.Context, sa sdk.SA) error
	RemoveSA(ctx context.Context, spi uint32) error
	Close() error
}

// TCP says when messages and packets go over TCP.
type TCP int

// By default, UDP alone is used.
const (
	NeverTCP  TCP = iota
	AfterUDP      // when UDP is not answered
	AlwaysTCP     // at once
)

// Encap says when ESP goes in UDP.
type Encap int

// By default, it goes in UDP always.
const (
	AlwaysUDP   Encap = iota
	UnlessPlain       // but where there is no NAT, and ESP alone comes through
	BehindNAT         // where there is a NAT
)

// Options of a tunnel.
type Options struct {
	Gateway string
	Port    int // 0: begin at 500 and go on at 4500
	TCP     TCP
	Encap   Encap
	MTU     int // the user's limit inside the tunnel; 0: none
	// Again says that there was a tunnel before: a gateway that does not answer is to be
	// tried again then.
	Again bool
	// Machine is what the machine is made of, but for what the transports tell.
	Machine machine.Config
	// Trust says whether the gateway's certificates are trusted to be of name, and of id
	// if that is not nil. It may take as long as a person does.
	Trust func(ctx context.Context, chain []*x509.Certificate, name string, id *ike.ID) error
	// Key signs for machine.Certificate; nil without one.
	Key crypto.Signer
	// Ticket is what Keep was given last, by a session before this one; nil: nothing.
	Ticket *machine.Ticket
	Keep   func(*machine.Ticket)
	// Encapsulated is told that ESP alone does not come through.
	Encapsulated func()
	// Ask puts a question of the gateway to the user.
	Ask func(ctx context.Context, text string) (string, error)
}

const (
	portIKE      = 500
	portNATT     = 4500
	natKeepalive = 20 * time.Second
)

// Run goes from the first message to the end of the session. It returns nil after a
// Stop, with which until ends too.
func Run(ctx, until context.Context, host Host, o Options) error {
	s := newSession(host, o)
	err := s.run(ctx, until)
	return tries.First(err, s.up() || o.Again)
}
