package tunnel

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/plugins/ikev2/internal/machine"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// life is the state of one session with one gateway. Only run touches it; who reads a
// transport or waits for a person does so in a goroutine that reports over events.
type life struct {
	host    Host
	o       Options
	gateway string
	ctx     context.Context // ends with run
	work    sync.WaitGroup

	m       *machine.Machine
	effects []machine.Effect
	conns   map[int]Conn // by port, while the machine's messages go over them
	path    Path         // nil: before Up
	address string       // the gateway's: its name may stand for several

	behindNAT bool
	came      chan arrival
	answers   chan func(time.Time) []machine.Effect

	retry    *time.Timer // of a move
	moves    int         // that came to nothing, in a row
	next     string      // where the gateway redirects to
	stopping bool
	ended    bool
	err      error
}

// arrival is a datagram, or the end of a transport.
type arrival struct {
	conn     Conn
	datagram []byte
	err      error
}

func newLife(host Host, o Options) *life {
	return &life{
		host: host, o: o, conns: map[int]Conn{},
		retry: stoppedTimer(),
		came:  make(chan arrival, 16), answers: make(chan func(time.Time) []machine.Effect, 1),
	}
}

// run begins a session and handles what happens until it ends. next is where to begin
// again; "": nowhere.
func (l *life) run(ctx, until context.Context, from string) (next string, err error) {
	ctx, cancel := context.WithCancel(ctx)
	l.ctx = ctx
	defer l.leave()
	defer cancel()
	if err := l.begin(until, from); err != nil {
		if until.Err() != nil && ctx.Err() == nil {
			return "", nil
		}
		return "", err
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !l.ended {
		if d := l.m.Deadline(); !d.IsZero() {
			timer.Reset(max(time.Until(d), 0))
		} else {
			timer.Stop()
		}
		var more []machine.Effect
		select {
		case e, ok := <-l.host.Events():
			if !ok {
				return "", context.Cause(ctx)
			}
			if more, err = l.event(e); err != nil {
				return "", err
			}
		case a := <-l.came:
			more = l.arrived(a)
		case answer := <-l.answers:
			more = answer(time.Now())
		case <-timer.C:
			more = l.m.Tick(time.Now())
		case <-l.retry.C:
			if more, err = l.move(); err != nil {
				return "", err
			}
		}
		if err := l.do(more); err != nil {
			return "", err
		}
	}
	if l.stopping && l.path != nil {
		_ = l.path.Close()
	}
	return l.next, l.err
}

func stoppedTimer() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// leave closes what is open and waits for the goroutines. The path is the host's: it
// goes with the session.
func (l *life) leave() {
	for _, c := range l.conns {
		_ = c.Close()
	}
	gone := make(chan struct{})
	go func() { l.work.Wait(); close(gone) }()
	for {
		select {
		case <-gone:
			return
		case <-l.came:
		case <-l.answers:
		}
	}
}

// begin opens the first transport and sends the first message.
func (l *life) begin(ctx context.Context, from string) error {
	port := portIKE
	if l.o.Port != 0 {
		port = l.natt()
	}
	conn, err := l.open(ctx, l.gateway, port)
	if err != nil {
		return &sdk.Failure{Retry: sdk.Backoff, Diagnostics: []diag.Diagnostic{*diag.Of(err)}}
	}
	l.address = l.gateway
	if a := conn.Info().Remote; a.IsValid() {
		l.address = a.Addr().String()
	}
	c := l.o.Machine
	// Who redirects proves nothing: the certificate is to be for who the user named.
	c.Gateway, c.From, c.Begin4500 = l.o.Gateway, from, l.o.Port != 0
	c.Local, c.Remote = conn.Info().Local, conn.Info().Remote
	l.m = machine.New(c)
	return l.do(l.m.Begin(time.Now()))
}

// natt is the port of messages with a marker, and of ESP.
func (l *life) natt() int {
	if l.o.Port != 0 {
		return l.o.Port
	}
	return portNATT
}

// open opens a transport and reads it.
func (l *life) open(ctx context.Context, host string, port int) (Conn, error) {
	conn, err := l.host.OpenUDP(ctx, host, port)
	if err != nil {
		return nil, err
	}
	l.conns[port] = conn
	l.work.Go(func() { l.read(conn) })
	return conn, nil
}

// maxDatagram is the longest there is.
const maxDatagram = 65535

func (l *life) read(conn Conn) {
	b := make([]byte, maxDatagram)
	for {
		n, err := conn.Read(b)
		a := arrival{conn, append([]byte(nil), b[:n]...), err}
		select {
		case l.came <- a:
		case <-l.ctx.Done():
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
func (l *life) arrived(a arrival) []machine.Effect {
	switch {
	case l.conns[portIKE] == a.conn && a.err == nil:
		return l.m.Receive(time.Now(), a.datagram)
	case l.conns[l.natt()] != a.conn || a.err != nil:
		return nil // closed, or attached; what is lost is sent again
	case len(a.datagram) > len(marker) && [4]byte(a.datagram[:4]) == marker:
		return l.m.Receive(time.Now(), a.datagram[len(marker):])
	}
	return nil
}

// do carries out what the machine wants, in order. What an effect brings about at once
// comes after those that wait.
func (l *life) do(effects []machine.Effect) error {
	l.effects = append(l.effects, effects...)
	for len(l.effects) > 0 && !l.ended {
		e := l.effects[0]
		l.effects = l.effects[1:]
		if err := l.effect(e); err != nil {
			return err
		}
	}
	return nil
}

func (l *life) effect(e machine.Effect) error {
	switch e := e.(type) {
	case machine.Send:
		return l.send(e)
	case machine.Verify:
		l.later(func() func(time.Time) []machine.Effect {
			err := l.trust(e)
			return func(now time.Time) []machine.Effect { return l.m.Verified(now, err) }
		})
	case machine.Sign:
		l.later(func() func(time.Time) []machine.Effect {
			signature, err := l.o.Key.Sign(rand.Reader, e.Digest, e.Opts)
			return func(now time.Time) []machine.Effect { return l.m.Signed(now, signature, err) }
		})
	case machine.Ask:
		l.later(func() func(time.Time) []machine.Effect {
			answer, err := l.o.Ask(l.ctx, e.Text)
			return func(now time.Time) []machine.Effect { return l.m.Answered(now, answer, err) }
		})
	case machine.Await:
		l.later(func() func(time.Time) []machine.Effect {
			if e.Do != nil {
				e.Do(l.ctx)
			}
			select {
			case <-e.Done:
			case <-l.ctx.Done():
			}
			return l.m.Awaited
		})
	case machine.Up:
		return l.install(e)
	case machine.Install:
		return broken(l.replace(e.SAs))
	case machine.Moved:
		return broken(l.attach(e.SAs))
	case machine.Remove:
		return broken(l.path.RemoveSA(l.ctx, e.SPI))
	case machine.Trace:
		l.host.TraceText(e.Text + "\n")
	case machine.Redirected:
		l.next = e.Gateway
	case machine.Ended:
		l.ended, l.err = true, e.Err
	}
	return nil
}

// send sends over the path, or over a transport, which is opened when it is needed first.
func (l *life) send(s machine.Send) error {
	if l.path != nil && l.conns[l.natt()] == nil {
		return l.path.Send(0, s.Datagram)
	}
	port, datagram := portIKE, s.Datagram
	if s.Port == portNATT {
		port, datagram = l.natt(), append(marker[:], s.Datagram...)
	}
	conn := l.conns[port]
	if conn == nil {
		var err error
		if conn, err = l.open(l.ctx, l.address, port); err != nil {
			return &sdk.Failure{Retry: sdk.Backoff, Diagnostics: []diag.Diagnostic{*diag.Of(err)}}
		}
	}
	if _, err := conn.Write(datagram); err != nil && !errors.Is(err, net.ErrClosed) {
		l.host.Debug("A message was not sent: %v", err)
	}
	return nil
}

func (l *life) trust(v machine.Verify) error {
	var chain []*x509.Certificate
	for _, der := range v.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return diag.New(diag.Certificate, "the gateway's certificate cannot be read", err.Error())
		}
		chain = append(chain, c)
	}
	return l.o.Trust(l.ctx, chain, v.Name, v.ID)
}

// later has the host or a person answer without holding up the messages.
func (l *life) later(answer func() func(time.Time) []machine.Effect) {
	l.work.Go(func() { l.answers <- answer() })
}

func tooManyRedirects() error {
	return &sdk.Failure{Retry: sdk.Never, Diagnostics: []diag.Diagnostic{
		*diag.New(diag.Protocol, "the gateways redirect to one another without end", "Ask their administrator.")}}
}
