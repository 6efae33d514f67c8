// Package tunnel runs the machine of IKEv1 against a host: it opens transports, carries
// datagrams between them and the machine, has certificates checked and people asked, and
// puts into the host what the machine agreed on.
//
//	Begin ─ open 500 ─> machine ─> open 4500 ─> Options.Up: a path ─> messages as control frames
//
// A Peer has no loop. Who owns one calls what Work gives, Tick at Deadline, and Event, all
// on one goroutine.
package tunnel

import (
	"context"
	"crypto"
	"crypto/x509"
	"net"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike"
	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	"github.com/penstock-vpn/penstock/sdk"
)

// Host is what a Peer asks of its host: the sdk's session, see OnSession.
type Host interface {
	OpenUDP(ctx context.Context, host string, port int) (Conn, error)
	Debug(format string, args ...any)
	TraceText(text string)
}

// Conn is an open transport: one Write, one datagram.
type Conn interface {
	net.Conn
	Info() sdk.Info
}

// Path is an attached transport of ESP; *sdk.Path is one.
type Path interface {
	ID() uint32
	Send(frameType uint32, payload []byte) error
	InstallSA(ctx context.Context, sa sdk.SA) error
	RemoveSA(ctx context.Context, spi uint32) error
}

// Options of a Peer.
type Options struct {
	Gateway string
	Port    int // 0: begin at 500 and go on at 4500
	// Machine is what the machine is made of, but for what the transports tell.
	Machine machine.Config
	// Trust says whether the gateway's certificates are trusted to be of name, and of id
	// if that is not nil. It may take as long as a person does.
	Trust func(ctx context.Context, chain []*x509.Certificate, name string, id *ike.ID) error
	// Key signs for machine.Certificate; nil without one.
	Key crypto.Signer
	// Ask answers XAUTH: a value for each field. alone says that there is a tunnel already,
	// and maybe nobody before the screen.
	Ask func(ctx context.Context, question machine.Ask, alone bool) (map[uint16]string, error)
	// Up attaches conn as a path of ESP with up.SAs, once both sides have agreed.
	Up func(up machine.Up, conn Conn) (Path, error)
}

const (
	portIKE  = 500
	portNATT = 4500
)

// NATKeepalive is how long a path may send nothing while a NAT is on the way.
const NATKeepalive = 20 * time.Second
