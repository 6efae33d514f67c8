package tunnel

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ike1/machine"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// Peer is a gateway that a session speaks IKEv1 with.
type Peer struct {
	host   Host
	o      Options
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	going  sync.WaitGroup
	work   chan func() error

	m       *machine.Machine
	effects []machine.Effect
	conns   map[int]Conn // by port, while messages go over them
	address string       // the gateway's name may stand for several
	path    Path         // nil: there is none yet

	ended bool
	err   error
}

// New makes a Peer, which does nothing before Begin.
func New(host Host, o Options) *Peer {
	return &Peer{host: host, o: o, work: make(chan func() error, 16), conns: map[int]Conn{}, cancel: func() {}}
}

// Begin opens the first transport, by until, and sends the first message. The Peer ends with
// ctx.
func (p *Peer) Begin(ctx, until context.Context) error {
	p.ctx, p.cancel = context.WithCancel(ctx)
	port := portIKE
	if p.o.Port != 0 {
		port = p.o.Port
	}
	conn, err := p.open(until, p.o.Gateway, port)
	if err != nil {
		return sdk.Fail(sdk.Backoff, err)
	}
	c := p.o.Machine
	c.Gateway, c.Begin4500 = p.o.Gateway, p.o.Port != 0
	c.Local, c.Remote = conn.Info().Local, conn.Info().Remote
	p.address = p.o.Gateway
	if c.Remote.IsValid() {
		p.address = c.Remote.Addr().String()
	}
	p.m = machine.New(c)
	return p.do(p.m.Begin(time.Now()))
}

// Work gives what is to be called: datagrams and answers that have come.
func (p *Peer) Work() <-chan func() error { return p.work }

// Deadline is when Tick is due next; zero: nothing waits for a time.
func (p *Peer) Deadline() time.Time { return p.m.Deadline() }

// Tick does what is due.
func (p *Peer) Tick(now time.Time) error { return p.do(p.m.Tick(now)) }

// Ended says whether the session is over.
func (p *Peer) Ended() bool { return p.ended }

// Err is why it is over; nil after Stop.
func (p *Peer) Err() error { return p.err }

// Stop says goodbye to the gateway. Nobody answers that: the session is over then.
func (p *Peer) Stop() error {
	if p.m == nil {
		p.ended = true
		return nil
	}
	return p.do(p.m.Stop(time.Now()))
}

// Close closes what is open and waits for what is under way. The path is the host's: it goes
// with the session.
func (p *Peer) Close() {
	p.cancel()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.going.Wait()
}

// Event handles what the host tells of the path and of the machine it runs on.
func (p *Peer) Event(e sdk.Event) error {
	ours := func(path uint32) bool { return p.path != nil && p.path.ID() == path }
	switch e := e.(type) {
	case sdk.ControlFrame:
		if ours(e.Path) && e.Type == 0 {
			return p.do(p.m.Receive(time.Now(), e.Payload))
		}
	case sdk.PathEvent:
		if ours(e.Path) && e.Kind == sdk.PathDead {
			return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the path to the gateway is lost", e.Reason))
		}
	case sdk.SAExpired:
		if ours(e.Path) {
			return p.do(p.m.Expired(time.Now(), e.Hard))
		}
	case sdk.NetworkChange:
		if e.Reachable {
			return sdk.Fail(sdk.Now, diag.New(diag.Unreachable, "the network changed", "IKEv1 knows no way to move a tunnel. Connecting again."))
		}
	case sdk.Wake:
		return sdk.Fail(sdk.Now, diag.New(diag.Unreachable, "the computer slept", "Connecting again."))
	}
	return nil
}

// open opens a transport and reads it.
func (p *Peer) open(ctx context.Context, host string, port int) (Conn, error) {
	conn, err := p.host.OpenUDP(ctx, host, port)
	if err != nil {
		return nil, err
	}
	p.conns[port] = conn
	p.going.Go(func() { p.read(conn) })
	return conn, nil
}

// maxDatagram is the longest there is.
const maxDatagram = 65535

func (p *Peer) read(conn Conn) {
	b := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(b)
		if err != nil {
			return
		}
		datagram := append([]byte(nil), b[:n]...)
		if !p.later(func() error { return p.arrived(conn, datagram) }) {
			return
		}
	}
}

// later has the loop do f; false: there is none any more.
func (p *Peer) later(f func() error) bool {
	select {
	case p.work <- f:
		return true
	case <-p.ctx.Done():
		return false
	}
}

// marker stands before messages of IKE where ESP is at home too.
var marker = [4]byte{}

// arrived hands a datagram to the machine.
func (p *Peer) arrived(conn Conn, datagram []byte) error {
	switch {
	case p.o.Port == 0 && p.conns[portIKE] == conn:
	case p.conns[p.natt()] != conn: // closed, or attached; what is lost is sent again
		return nil
	case len(datagram) > len(marker) && [4]byte(datagram[:4]) == marker:
		datagram = datagram[len(marker):]
	default:
		return nil
	}
	return p.do(p.m.Receive(time.Now(), datagram))
}

// natt is the port of messages with a marker, and of ESP.
func (p *Peer) natt() int {
	if p.o.Port != 0 {
		return p.o.Port
	}
	return portNATT
}

// do carries out what the machine wants, in order.
func (p *Peer) do(effects []machine.Effect) error {
	p.effects = append(p.effects, effects...)
	for len(p.effects) > 0 && !p.ended {
		e := p.effects[0]
		p.effects = p.effects[1:]
		if err := p.effect(e); err != nil {
			return err
		}
	}
	return nil
}

func (p *Peer) effect(e machine.Effect) error {
	switch e := e.(type) {
	case machine.Send:
		return p.send(e)
	case machine.Trace:
		p.host.TraceText(e.Text + "\n")
	case machine.Up:
		return p.up(e)
	case machine.Install:
		for _, sa := range e.SAs {
			if err := p.path.InstallSA(p.ctx, sa); err != nil {
				return sdk.Fail(sdk.Now, err)
			}
		}
	case machine.Remove:
		if err := p.path.RemoveSA(p.ctx, e.SPI); err != nil {
			return sdk.Fail(sdk.Now, err)
		}
	case machine.Ended:
		p.ended, p.err = true, e.Err
	default:
		p.ask(e)
	}
	return nil
}

// up makes the transport at port 4500 the path, after which there is no other.
func (p *Peer) up(e machine.Up) error {
	conn := p.conns[p.natt()]
	delete(p.conns, p.natt())
	path, err := p.o.Up(e, conn)
	if err != nil {
		return err
	}
	p.path = path
	if first := p.conns[portIKE]; first != nil {
		_ = first.Close()
		delete(p.conns, portIKE)
	}
	return nil
}

// ask has the host or a person answer, without holding up the messages.
func (p *Peer) ask(e machine.Effect) {
	alone := p.path != nil
	p.going.Go(func() {
		switch e := e.(type) {
		case machine.Verify:
			err := p.trust(e)
			p.later(func() error { return p.do(p.m.Verified(time.Now(), err)) })
		case machine.Sign:
			signature, err := p.o.Key.Sign(rand.Reader, e.Digest, e.Opts)
			p.later(func() error { return p.do(p.m.Signed(time.Now(), signature, err)) })
		case machine.Ask:
			values, err := p.o.Ask(p.ctx, e, alone)
			p.later(func() error { return p.do(p.m.Answered(time.Now(), values, err)) })
		}
	})
}

func (p *Peer) trust(v machine.Verify) error {
	var chain []*x509.Certificate
	for _, der := range v.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return diag.New(diag.Certificate, "the gateway's certificate cannot be read", err.Error())
		}
		chain = append(chain, c)
	}
	return p.o.Trust(p.ctx, chain, v.Name, v.ID)
}

// send sends over the path, or over a transport, which is opened when it is needed first.
func (p *Peer) send(m machine.Send) error {
	if p.path != nil {
		if err := p.path.Send(0, m.Datagram); err != nil {
			return sdk.Fail(sdk.Now, err)
		}
		return nil
	}
	port, datagram := portIKE, m.Datagram
	if m.Port == portNATT {
		port, datagram = p.natt(), append(marker[:], m.Datagram...)
	}
	conn := p.conns[port]
	if conn == nil {
		var err error
		if conn, err = p.open(p.ctx, p.address, port); err != nil {
			return sdk.Fail(sdk.Backoff, err)
		}
	}
	if _, err := conn.Write(datagram); err != nil && !errors.Is(err, net.ErrClosed) {
		p.host.Debug("A message was not sent: %v", err)
	}
	return nil
}
