package dataplane

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/host/internal/esp"
	"github.com/penstock-vpn/penstock/host/internal/mtu"
	"github.com/penstock-vpn/penstock/host/internal/packet"
	"github.com/penstock-vpn/penstock/sdk/diag"
	"github.com/penstock-vpn/penstock/sdk/framing"
)

// A path of ESP: what a path of datagrams is, and beside it the SAs, messages of IKE
// on the same port, and the byte that keeps a NAT's mapping.

const (
	maxInboundSAs = 8         // of a path: a plugin that installs more forgets to remove
	maxIKE        = 65507 - 4 // bytes of a message: a UDP datagram less the marker
	kindESP       = "esp"
	ikeType       = 0 // of the control frame that a message of IKE is
)

// SA is what one direction of a path of ESP is keyed with.
type SA struct {
	esp.SA
	Outbound bool
}

// String is the SA without its keys.
func (sa SA) String() string {
	direction := "inbound"
	if sa.Outbound {
		direction = "outbound"
	}
	return fmt.Sprintf("%s %v", direction, sa.SA)
}

// Format prints an SA without its keys, for every verb.
func (sa SA) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, sa.String()) }

// ESP is what a path of ESP begins with.
type ESP struct {
	SAs          []SA // one outbound, one or more inbound
	NATKeepalive time.Duration
	ECN          bool      // the peer combines it as RFC 6040 says
	Ports        esp.Ports // of transport mode: the frames are what datagrams hold
	Fragment     bool      // packets may go in fragments, rather than not at all
}

// tunnel is the wire of a path of ESP.
type tunnel struct {
	*esp.Wire
	around   int  // bytes around an ESP packet and in it around a packet
	fragment bool // see ESP

	mu      sync.Mutex // taken before plane.mu; guards what follows
	out     esp.SPI
	inbound []esp.SPI
}

// AddESP is AddDatagram for a socket that carries ESP in UDP. The frames of spec have
// no header, but in transport mode; its dead peer detection, if any, asks with a probe, and
// the path is up when its first packet has come. Without a probe it is up at once. overhead
// counts IP and UDP outside.
func (p *Plane) AddESP(id uint32, socket esp.Socket, o ESP, spec framing.Spec, preference int, replaces uint32, overhead int) error {
	if err := checkESP(o, spec); err != nil {
		return diag.New(diag.Invalid, err.Error(), "")
	}
	spec.Rules.Keepalive.Idle = o.NATKeepalive
	var x *path
	if o.Ports != (esp.Ports{}) {
		overhead += esp.UDPHeader
	}
	t := &tunnel{fragment: o.Fragment, Wire: esp.NewWire(socket, esp.Handler{
		IKE:  func(m []byte) { x.tellIKE(m) },
		Aged: func(spi esp.SPI, outbound bool, age esp.Age) { x.tellAge(spi, outbound, age) },
	})}
	t.Datagrams(o.Ports)
	suite := o.SAs[slices.IndexFunc(o.SAs, isOutbound)].Suite
	x, err := p.newPath(id, datagramWire{t}, spec, preference, kindESP, overhead+suite.Overhead())
	if err != nil {
		return err
	}
	t.around = overhead + x.codec.HeaderLen()
	x.marker, x.marking = t, packet.Marking{Normal: o.ECN, PassDSCP: p.passDSCP}
	for _, sa := range o.SAs {
		if err := t.install(sa, func() error { return nil }); err != nil {
			return diag.New(diag.Invalid, err.Error(), "")
		}
	}
	x.proved = len(spec.Rules.Probe.Packet) == 0
	x.up = x.proved
	return p.attach(x, replaces, func() string { return x.readDatagrams(t) })
}

func isOutbound(sa SA) bool { return sa.Outbound }

func checkESP(o ESP, spec framing.Spec) error {
	outbound := 0
	for _, sa := range o.SAs {
		if sa.Outbound {
			outbound++
		}
		if sa.Suite == nil {
			return errors.New("an SA without a suite")
		}
	}
	switch r := spec.Rules; {
	case (o.Ports == esp.Ports{}) != (spec.L2TP == nil) || (o.Ports.Local == 0) != (o.Ports.Remote == 0):
		return errors.New("ESP in transport mode, between two ports, carries L2TP, and nothing else does")
	case spec.PPP != nil && spec.L2TP == nil, spec.Type.Width > 0, spec.Length.Width > 0:
		return errors.New("frames of ESP are IP packets, or messages of L2TP")
	case len(spec.Header) > 0:
		return errors.New("frames of ESP are IP packets, without a header")
	case r.Keepalive.Idle != 0:
		return errors.New("frames of ESP have no type for a keepalive: there is that for NATs")
	case r.Dpd.After != 0 && len(r.Probe.Packet) == 0 && spec.L2TP == nil:
		return errors.New("frames of ESP have no type that asks for a sign of life: it takes a probe")
	case outbound != 1 || len(o.SAs) < 2:
		return fmt.Errorf("ESP begins with one outbound SA and at least one inbound, not with %d and %d", outbound, len(o.SAs)-outbound)
	}
	return nil
}

// install makes sa usable; its keys are not needed any more then. room is asked for
// before an outbound one is.
func (t *tunnel) install(sa SA, room func() error) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if sa.Outbound {
		return t.installOutbound(sa, room)
	}
	if len(t.inbound) >= maxInboundSAs {
		return fmt.Errorf("%d inbound SAs are installed, more are not allowed", maxInboundSAs)
	}
	in, err := sa.Inbound()
	if err == nil {
		err = t.AddInbound(in)
	}
	if err == nil {
		t.inbound = append(t.inbound, sa.SPI)
	}
	return err
}

// installOutbound refuses the SA that is in force: its counter would begin anew under
// the same key.
func (t *tunnel) installOutbound(sa SA, room func() error) error {
	o, err := sa.SA.Outbound()
	switch {
	case err != nil:
		return err
	case sa.SPI == t.out:
		return fmt.Errorf("the outbound SA %v is installed", sa.SPI)
	}
	if err := room(); err != nil {
		return err
	}
	t.SetOutbound(o)
	t.out = sa.SPI
	return nil
}

func (t *tunnel) remove(spi esp.SPI) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.RemoveInbound(spi)
	t.inbound = slices.DeleteFunc(t.inbound, func(other esp.SPI) bool { return other == spi })
}

// InstallSA adds sa to a path of ESP: an inbound one beside those that are there, an
// outbound one in place of the one before. sa's keys are not needed any more then.
func (p *Plane) InstallSA(id uint32, sa SA) error {
	x, t, err := p.tunnel(id)
	if err != nil {
		return err
	}
	room := func() error { return p.makeRoom(x, t.around+sa.Suite.Overhead()) }
	if err := t.install(sa, room); err != nil {
		return diag.Newf(diag.Invalid, "path %d: %v", id, err)
	}
	return nil
}

// RemoveSA removes an inbound SA, which may be gone already.
func (p *Plane) RemoveSA(id, spi uint32) error {
	_, t, err := p.tunnel(id)
	if err != nil {
		return err
	}
	t.remove(esp.SPI(spi))
	return nil
}

func (p *Plane) tunnel(id uint32) (*path, *tunnel, error) {
	p.mu.Lock()
	x := p.paths[id]
	p.mu.Unlock()
	if x == nil {
		return nil, nil, diag.Newf(diag.Invalid, "there is no path %d", id)
	}
	if t := x.tunnel(); t != nil {
		return x, t, nil
	}
	return nil, nil, diag.Newf(diag.Invalid, "path %d carries no ESP", id)
}

// tunnel is nil for a path of another kind.
func (x *path) tunnel() *tunnel {
	t, _ := x.under().(*tunnel)
	return t
}

// makeRoom follows an outbound suite that adds more to a packet than the one before, or less.
func (p *Plane) makeRoom(x *path, overhead int) error {
	p.mu.Lock()
	more := mtu.Inner(overhead - x.overhead)
	if more == 0 || x.inner == 0 {
		x.overhead = overhead
		p.mu.Unlock()
		return nil
	}
	before := min(x.inner, p.limit)
	var events []Event
	if carries := x.carries() - more; carries >= p.least {
		x.inner, x.whole = carries, 0
	} else if x.cut(carries) {
		events = append(events, x.cutNews())
	} else {
		p.mu.Unlock()
		return errors.New(tooNarrow(carries, p.least))
	}
	x.overhead = overhead
	events = append(events, p.reroute()...)
	if now := min(x.inner, p.limit); now != before {
		events = append(events, Event{Kind: MTU, Path: x.id, MTU: int(now)})
	}
	p.mu.Unlock()
	p.events.emit(events...)
	return nil
}

// tellIKE passes a message of IKE on.
func (x *path) tellIKE(message []byte) {
	x.plane.events.emit(Event{Path: x.id, Kind: Control, Type: ikeType, Payload: slices.Clone(message)})
}

// tellAge says that an SA is to be replaced, or over.
func (x *path) tellAge(spi esp.SPI, outbound bool, age esp.Age) {
	x.plane.events.emit(Event{Path: x.id, Kind: Expired, SPI: uint32(spi), Outbound: outbound, Hard: age == esp.Hard})
}

// queueIKE has a message sent between the packets.
func (x *path) queueIKE(t *tunnel, typ uint32, message []byte) error {
	if typ != ikeType || len(message) == 0 || len(message) > maxIKE {
		return diag.Newf(diag.Invalid, "a control frame of type %d and %d bytes: on path %d, of ESP, it must be a message of IKE, of type %d and 1 to %d bytes",
			typ, len(message), x.id, ikeType, maxIKE)
	}
	message = slices.Clone(message)
	return x.queueFrame(controlFrame{send: func() error { return t.SendIKE(message) }})
}

// keepNAT has the byte sent that keeps a NAT's mapping.
func (x *path) keepNAT(t *tunnel) error { return x.queueFrame(controlFrame{send: t.SendKeepalive}) }
