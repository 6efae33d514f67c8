package tunnel

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/pptp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// session is the state of one user's session. Only run touches it; who reads, or waits for
// a person, does so in a goroutine that reports over a channel.
type session struct {
	host Host
	o    Options
	ctx  context.Context // ends with run
	work sync.WaitGroup

	control  net.Conn
	messages *reader
	unread   []byte // of control
	echo     uint32 // number of the last Echo-Request
	echoed   bool   // it was answered

	gre     Conn // nil: before the call, and once there is a path
	packets *reader
	line    pptp.Line
	path    Path // nil: before Up

	ppp     *ppp.Machine
	mppe    *sdk.MPPE   // nil: packets go in the clear
	expires *time.Timer // of what the gateway must do now
	late    string      // what that is
	ticker  *time.Ticker

	answers  chan func(time.Time) []ppp.Effect
	stopping bool
	ended    bool
}

const (
	negotiationTime = 60 * time.Second // for a step of the gateway's
	openTime        = 30 * time.Second
	echoTime        = 60 * time.Second // between signs of life of the control connection (RFC 2637 section 3.1.4)
)

func newSession(host Host, o Options) *session {
	o.PPP.Trace = o.Trace
	return &session{
		host: host, o: o, answers: make(chan func(time.Time) []ppp.Effect, 1), echoed: true,
		expires: time.NewTimer(negotiationTime), ticker: time.NewTicker(echoTime),
	}
}

// run begins a session and handles what happens until it ends.
func (s *session) run(ctx, until context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	s.ctx = ctx
	defer s.leave()
	defer cancel()
	if err := s.begin(until); err != nil {
		if until.Err() != nil && ctx.Err() == nil {
			return nil
		}
		return err
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !s.ended {
		var d time.Time
		if s.ppp != nil {
			d = s.ppp.Deadline()
		}
		if d.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(max(time.Until(d), 0))
		}
		if err := s.next(timer.C); err != nil {
			return err
		}
	}
	if s.stopping && s.path != nil {
		_ = s.path.Close()
	}
	return nil
}

// begin opens the control connection.
func (s *session) begin(until context.Context) (err error) {
	ctx, cancel := context.WithTimeout(until, openTime)
	defer cancel()
	if s.control, err = s.host.OpenTCP(ctx, s.o.Host, s.o.Port); err != nil {
		return failed(err)
	}
	s.messages = newReader(s.control)
	s.wait("the control connection")
	return s.say(pptp.Start())
}

// wait gives the gateway time for something.
func (s *session) wait(late string) {
	s.late = late
	s.expires.Reset(negotiationTime)
}

// failed has a gateway that cannot be reached be tried again.
func failed(err error) error {
	d := diag.Of(err)
	if d.Code == diag.Unreachable {
		return sdk.Fail(sdk.Backoff, d)
	}
	return sdk.Fail(sdk.Never, d)
}

// next waits for something to happen and handles it.
func (s *session) next(due <-chan time.Time) error {
	var packets <-chan []byte
	if s.packets != nil {
		packets = s.packets.came
	}
	select {
	case e, ok := <-s.host.Events():
		if !ok {
			s.ended = true
			return context.Cause(s.ctx)
		}
		return s.event(e)
	case b, ok := <-s.messages.came:
		if !ok {
			return s.lost(s.messages.err)
		}
		s.unread = append(s.unread, b...)
		return s.take()
	case b, ok := <-packets:
		if !ok {
			return s.deaf(s.packets.err)
		}
		return s.packet(b)
	case give := <-s.answers:
		return s.do(give(time.Now()))
	case <-due:
		return s.do(s.ppp.Tick(time.Now()))
	case <-s.ticker.C:
		return s.askAlive()
	case <-s.expires.C:
		if s.stopping {
			s.ended = true
			return nil
		}
		return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway does not answer "+s.late, "It accepted the connection. Try again later."))
	}
}

// packet takes what came by GRE before there is a path.
func (s *session) packet(b []byte) error {
	frame := s.line.Take(b)
	if frame == nil || s.ppp == nil || s.path != nil {
		return nil
	}
	protocol, payload, err := ppp.ParseFrame(frame)
	if err != nil || protocol < firstControl {
		return nil // packets, which nobody can take yet
	}
	return s.do(s.ppp.Frame(time.Now(), protocol, payload))
}

// firstControl is where the protocols of PPP begin that negotiate.
const firstControl = 0x8000

// lost is the end of the control connection, and so of the call.
func (s *session) lost(err error) error {
	if s.stopping {
		s.ended = true
		return nil
	}
	why := "It gave no reason."
	if err != nil && err != io.EOF {
		why = err.Error()
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway closed the control connection", why))
}

// deaf is the end of what carries GRE.
func (s *session) deaf(err error) error {
	s.packets = nil
	if s.stopping || s.path != nil {
		return nil
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "GRE from the gateway cannot be received any more", fmt.Sprint(err)))
}

// askAlive asks for a sign of life of the control connection, and misses the last one.
func (s *session) askAlive() error {
	if s.stopping || s.path == nil {
		return nil
	}
	if !s.echoed {
		return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway does not answer on the control connection", "Connecting again."))
	}
	s.echo, s.echoed = s.echo+1, false
	return s.say(pptp.Echo(s.echo))
}

// leave closes what is open and waits for the goroutines. A path is the host's: it goes
// with the session.
func (s *session) leave() {
	s.expires.Stop()
	s.ticker.Stop()
	if s.packets != nil && s.path == nil {
		s.packets.abandon()
	}
	if s.messages != nil {
		s.messages.abandon()
	}
	gone := make(chan struct{})
	go func() { s.work.Wait(); close(gone) }()
	for {
		select {
		case <-gone:
			return
		case <-s.answers:
		}
	}
}

// say sends a message by the control connection.
func (s *session) say(m pptp.Message) error {
	s.trace("sent %s", m.Type)
	if _, err := s.control.Write(m.Append(nil)); err != nil {
		return s.lost(err)
	}
	return nil
}

func (s *session) trace(format string, args ...any) {
	if s.o.Trace {
		s.host.TraceText(fmt.Sprintf(format, args...) + "\n")
	}
}

// number is a random one, which is not 0.
func number() uint16 {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails
	return max(binary.BigEndian.Uint16(b[:]), 1)
}
