package tunnel

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// target is where a session goes, and who is to be there.
type target struct {
	gateway string // as it is called
	from    string // who redirected to it; "": nobody
	// name is who its certificate must be for: the gateway that the user named, or one
	// that a gateway redirected to which had proved itself. Anybody can send a redirect
	// before that.
	name string
}

// peer is a gateway that a session speaks with: the machine, and what its messages go
// over.
type peer struct {
	target
	s       *session
	address string // the gateway's name may stand for several
	tcp     bool   // all goes over TCP

	m       *machine.Machine
	effects []machine.Effect
	conns   map[int]Conn // by port, while the machine's messages go over them
	path    Path         // nil: there is none yet
	ousts   Path         // the path that its own is to replace when it comes; nil: none
	info    sdk.Info     // of the last transport

	inbound  []uint32            // SAs that the path has of it
	plain    bool                // the path is of ESP alone, and messages go beside it
	up       bool                // the tunnel is, or was, with it
	left     bool                // another has taken its place
	redirect *machine.Redirected // where it sends us; nil: nowhere
	over     bool                // it has left, and its path stays until another takes its place
	closed   bool                // nothing more is wanted of it
}

func (s *session) newPeer(t target) *peer {
	return &peer{target: t, s: s, tcp: s.tcp, conns: map[int]Conn{}}
}

// share has p speak over what old does, to the same gateway: who comes from the same port
// may be given the same addresses. That is its path, or a transport beside a plain one.
func (p *peer) share(old *peer) {
	conn := old.conns[old.natt()]
	switch {
	case old.path == nil || conn != nil && !old.plain:
		return
	case conn != nil:
		p.conns[p.natt()] = conn
	default:
		p.path = old.path
	}
	p.info, p.address, p.tcp = old.info, old.address, old.tcp
}

// speaking says whether there is something to speak over.
func (p *peer) speaking() bool { return p.path != nil || p.conns[p.natt()] != nil }

// begin opens the first transport and sends the first message.
func (p *peer) begin(ctx context.Context) error {
	o, port := p.s.o, portIKE
	c := o.Machine
	if c.Begin4500 = o.Port != 0 || p.tcp || p.speaking(); c.Begin4500 {
		port = p.natt()
	}
	if o.TCP == AfterUDP && !p.tcp {
		c.FirstTries = triesBeforeTCP
	}
	c.Gateway, c.From, c.Addresses = p.name, p.from, p.s.addresses
	c.Plain = o.Encap != AlwaysUDP && !p.tcp && p.path == nil
	if c.Tickets = o.Keep != nil; p.s.fresh && !p.s.up() {
		c.Ticket = o.Ticket
	}
	p.s.fresh = false
	if !p.speaking() {
		if _, err := p.open(ctx, p.gateway, port); err != nil {
			p.m = machine.New(c)
			return sdk.Fail(sdk.Backoff, err)
		}
		p.address = p.gateway
		if a := p.info.Remote; a.IsValid() {
			p.address = a.Addr().String()
		}
	}
	c.Local, c.Remote = p.info.Local, p.info.Remote
	p.m = machine.New(c)
	return p.do(p.m.Begin(time.Now()))
}

func (p *peer) close() {
	p.closed = true
	for port, c := range p.conns {
		if !slices.ContainsFunc(p.s.speakers(c), func(x *peer) bool { return x != p }) {
			_ = c.Close()
		}
		delete(p.conns, port)
	}
}

// natt is the port of messages with a marker, and of ESP.
func (p *peer) natt() int {
	if p.s.o.Port != 0 {
		return p.s.o.Port
	}
	return portNATT
}

// triesBeforeTCP are 22 seconds.
const triesBeforeTCP = 5

// open opens a transport and reads it.
func (p *peer) open(ctx context.Context, host string, port int) (Conn, error) {
	open := p.s.host.OpenUDP
	if p.tcp {
		open = p.s.host.OpenTCP
	}
	conn, err := open(ctx, host, port)
	if err != nil {
		return nil, err
	}
	p.conns[port], p.info = conn, conn.Info()
	p.s.work.Go(func() { p.read(conn) })
	return conn, nil
}

// maxDatagram is the longest there is.
const maxDatagram = 65535

func (p *peer) read(conn Conn) {
	b := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(b)
		a := arrival{p, conn, append([]byte(nil), b[:n]...), err}
		select {
		case p.s.came <- a:
		case <-p.s.ctx.Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// marker stands before messages of IKE where ESP is at home too.
var marker = [4]byte{}

// arrived hands a datagram to the machine.
func (p *peer) arrived(a arrival) []machine.Effect {
	switch {
	case p.conns[portIKE] == a.conn && a.err == nil:
		return p.m.Receive(time.Now(), a.datagram)
	case p.conns[p.natt()] != a.conn && !p.tcp || a.err != nil:
		return nil // closed, or attached; what is lost is sent again
	case len(a.datagram) > len(marker) && [4]byte(a.datagram[:4]) == marker:
		return p.m.Receive(time.Now(), a.datagram[len(marker):])
	}
	return nil
}

// do carries out what the machine wants, in order. What an effect brings about at once
// comes after those that wait.
func (p *peer) do(effects []machine.Effect) error {
	p.effects = append(p.effects, effects...)
	for len(p.effects) > 0 && !p.closed && !p.s.ended {
		e := p.effects[0]
		p.effects = p.effects[1:]
		if err := p.effect(e); err != nil {
			return err
		}
	}
	return nil
}

func (p *peer) effect(e machine.Effect) error {
	switch e := e.(type) {
	case machine.Send:
		return p.send(e)
	case machine.Trace:
		p.s.host.TraceText(e.Text + "\n")
		return nil
	case machine.Ended:
		return p.s.peerEnded(p, e.Err)
	}
	if p.left { // what is left to it is to say goodbye
		return nil
	}
	switch e := e.(type) {
	case machine.Up:
		return p.install(e)
	case machine.Install:
		return tries.Broken(p.replace(e.SAs))
	case machine.Moved:
		return tries.Broken(p.attach(e.SAs, e.Way, p.path))
	case machine.Remove:
		return tries.Broken(p.remove(e.SPI))
	case machine.Keep:
		if p.s.o.Keep != nil {
			p.s.o.Keep(e.Ticket)
		}
	case machine.Redirected:
		if p.up {
			return p.s.redirected(p, e)
		}
		p.redirect = &e
	case machine.Reauthenticate:
		if p == p.s.now && p.s.coming == nil {
			p.s.host.Info("The session needs a new login.")
			return p.s.begin(target{gateway: p.gateway, name: p.name})
		}
	default:
		p.ask(e)
	}
	return nil
}

// ask has the host, a person or EAP answer.
func (p *peer) ask(e machine.Effect) {
	s := p.s
	switch e := e.(type) {
	case machine.Verify:
		p.later(func() func(time.Time) []machine.Effect {
			err := p.trust(e)
			return func(now time.Time) []machine.Effect { return p.m.Verified(now, err) }
		})
	case machine.Sign:
		p.later(func() func(time.Time) []machine.Effect {
			signature, err := s.o.Key.Sign(rand.Reader, e.Digest, e.Opts)
			return func(now time.Time) []machine.Effect { return p.m.Signed(now, signature, err) }
		})
	case machine.Ask:
		alone := s.up() // there is a tunnel, and nobody before the screen
		p.later(func() func(time.Time) []machine.Effect {
			if alone {
				err := sdk.Fail(sdk.Now, diag.New(diag.SessionEnded, "the gateway wants a new login", "It asks for more than is known. Connecting again."))
				return func(now time.Time) []machine.Effect { return p.m.Answered(now, "", err) }
			}
			answer, err := s.o.Ask(s.ctx, e.Text)
			return func(now time.Time) []machine.Effect { return p.m.Answered(now, answer, err) }
		})
	case machine.Await:
		p.later(func() func(time.Time) []machine.Effect {
			if e.Do != nil {
				e.Do(s.ctx)
			}
			select {
			case <-e.Done:
			case <-s.ctx.Done():
			}
			return p.m.Awaited
		})
	}
}

// later has the host or a person answer without holding up the messages.
func (p *peer) later(give func() func(time.Time) []machine.Effect) {
	p.s.work.Go(func() { p.s.answers <- answer{p, give()} })
}

// send sends over the path, or over a transport, which is opened when it is needed first.
func (p *peer) send(m machine.Send) error {
	if p.path != nil && p.conns[p.natt()] == nil {
		err := p.path.Send(0, m.Datagram)
		if p.left {
			return nil
		}
		return tries.Broken(err)
	}
	port, datagram := portIKE, m.Datagram
	if m.Port == portNATT {
		port, datagram = p.natt(), append(marker[:], m.Datagram...)
	}
	conn := p.conns[port]
	if conn == nil {
		var err error
		if conn, err = p.open(p.s.ctx, p.address, port); err != nil {
			return sdk.Fail(sdk.Backoff, err)
		}
	}
	if _, err := conn.Write(datagram); err != nil && !errors.Is(err, net.ErrClosed) {
		p.s.host.Debug("A message was not sent: %v", err)
	}
	return nil
}

func (p *peer) trust(v machine.Verify) error {
	var chain []*x509.Certificate
	for _, der := range v.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return diag.New(diag.Certificate, "the gateway's certificate cannot be read", err.Error())
		}
		chain = append(chain, c)
	}
	return p.s.o.Trust(p.s.ctx, chain, v.Name, v.ID)
}
