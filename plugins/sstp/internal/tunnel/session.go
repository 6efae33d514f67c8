package tunnel

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// session is the state of one user's session. Only run touches it; who waits for a
// person does so in a goroutine that reports over answers.
type session struct {
	host Host
	o    Options
	ctx  context.Context // ends with run
	work sync.WaitGroup

	conn   Conn
	reader *reader // nil: before the connection, and once the host reads
	unread []byte  // of the stream
	path   Path    // nil: before Up

	ppp       *ppp.Machine
	called    bool // the gateway has taken the call
	challenge sstp.Challenge
	expires   *time.Timer // of what the gateway must do now
	late      string      // what that is

	answers  chan func(time.Time) []ppp.Effect
	stopping bool
	ended    bool
}

// negotiationTime is how long the gateway may take for a step ([MS-SSTP] 3.2.2).
const negotiationTime = 60 * time.Second

func newSession(host Host, o Options) *session {
	o.PPP.Trace = o.Trace
	if o.PPP.MRU == 0 {
		o.PPP.MRU = MRU
	}
	return &session{
		host: host, o: o, ppp: ppp.New(o.PPP), answers: make(chan func(time.Time) []ppp.Effect, 1),
		expires: time.NewTimer(negotiationTime), late: "the call",
	}
}

// run begins a session and handles what happens until it ends.
func (s *session) run(ctx, until context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	s.ctx = ctx
	defer s.leave()
	defer cancel()
	if s.path == nil {
		if err := s.begin(until); err != nil {
			if until.Err() != nil && ctx.Err() == nil {
				return nil
			}
			return err
		}
	}
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !s.ended {
		if d := s.ppp.Deadline(); d.IsZero() {
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

// begin opens the connection and calls.
func (s *session) begin(until context.Context) (err error) {
	if s.conn, s.unread, err = s.open(until); err != nil {
		return failed(err)
	}
	s.reader = newReader(s.conn)
	s.expires.Reset(negotiationTime)
	if err := s.say(sstp.Request()); err != nil {
		return err
	}
	return s.take()
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
	var came <-chan []byte
	if s.reader != nil {
		came = s.reader.came
	}
	select {
	case e, ok := <-s.host.Events():
		if !ok {
			s.ended = true
			return context.Cause(s.ctx)
		}
		return s.event(e)
	case b, ok := <-came:
		if !ok {
			return s.lost(s.reader.err)
		}
		s.unread = append(s.unread, b...)
		return s.take()
	case give := <-s.answers:
		return s.do(give(time.Now()))
	case <-due:
		return s.do(s.ppp.Tick(time.Now()))
	case <-s.expires.C:
		if s.stopping {
			s.ended = true
			return nil
		}
		return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway does not answer "+s.late, "It accepted the connection. Try again later."))
	}
}

// take handles the packets that are there. Once the host reads, they are its own.
func (s *session) take() error {
	for s.path == nil && !s.ended {
		p, n, err := sstp.Cut(s.unread)
		if err != nil {
			return sdk.Fail(sdk.Backoff, diag.New(diag.Protocol, "the gateway sends what is no SSTP", err.Error()))
		}
		if n == 0 {
			return nil
		}
		s.unread = s.unread[n:]
		if err := s.packet(p); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) packet(p sstp.Packet) error {
	if p.Control {
		return s.message(p.Payload)
	}
	protocol, payload, err := ppp.ParseFrame(p.Payload)
	if err != nil || !s.called {
		return nil
	}
	return s.do(s.ppp.Frame(time.Now(), protocol, payload))
}

// lost is the end of the connection before there is a path.
func (s *session) lost(err error) error {
	if s.stopping {
		s.ended = true
		return nil
	}
	why := "It gave no reason."
	if err != nil && err != io.EOF {
		why = err.Error()
	}
	return sdk.Fail(sdk.Backoff, diag.New(diag.Unreachable, "the gateway closed the connection before there was a tunnel", why))
}

// leave closes what is open and waits for the goroutines. A path is the host's: it goes
// with the session.
func (s *session) leave() {
	s.expires.Stop()
	if s.reader != nil {
		s.reader.abandon()
	} else if s.conn != nil && s.path == nil {
		_ = s.conn.Close()
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

// say sends a message.
func (s *session) say(m sstp.Message) error {
	s.trace("sent %s", m.Type)
	return s.send(sstp.TypeControl, sstp.Packet{Control: true, Payload: m.Append(nil)})
}

// send sends by the connection, or by the path as a frame of that type.
func (s *session) send(kind uint32, p sstp.Packet) error {
	if s.path != nil {
		return broken(s.path.Send(kind, p.Payload))
	}
	if _, err := s.conn.Write(p.Append(nil)); err != nil {
		return s.lost(err)
	}
	return nil
}

func (s *session) trace(format string, args ...any) {
	if s.o.Trace {
		s.host.TraceText(fmt.Sprintf(format, args...) + "\n")
	}
}

// broken is the end of a path that does not take something, most often because it has
// died this moment: a new one is asked for.
func broken(err error) error {
	if err == nil {
		return nil
	}
	return sdk.Fail(sdk.Now, err)
}
