package tunnel

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/pppcall"
	"github.com/penstock-vpn/penstock/plugins/internal/reader"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/sstp/internal/sstp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// session is the state of one user's session; it carries the call of PPP.
type session struct {
	host *sdk.Session
	o    Options
	ctx  context.Context // ends with Run

	conn   *sdk.Transport
	reader *reader.Reader // nil: before the connection, and once the host reads
	unread []byte         // of the stream
	path   *sdk.Path      // nil: before Up

	ppp       *pppcall.Call
	called    bool // the gateway has taken the call
	challenge sstp.Challenge

	stopping bool
	ended    bool
}

func newSession(ctx context.Context, host *sdk.Session, o Options) *session {
	s := &session{host: host, o: o, ctx: ctx}
	s.ppp = pppcall.New(ctx, host, s, o.Options)
	return s
}

// begin opens the connection and calls.
func (s *session) begin(until context.Context) (err error) {
	if s.conn, s.unread, err = s.open(until); err != nil {
		return tries.Failed(err)
	}
	s.reader = reader.New(s.conn)
	s.ppp.Wait("the call")
	if err := s.say(sstp.Request()); err != nil {
		return err
	}
	return s.take()
}

// run handles what happens until the session ends.
func (s *session) run() error {
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

// next waits for something to happen and handles it.
func (s *session) next(due <-chan time.Time) error {
	var came <-chan []byte
	if s.reader != nil {
		came = s.reader.Came
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
			return s.lost(s.reader.Err)
		}
		s.unread = append(s.unread, b...)
		return s.take()
	case answer := <-s.ppp.Answers():
		return s.ppp.Take(answer)
	case <-due:
		return s.ppp.Tick()
	case <-s.ppp.Expired():
		if s.stopping {
			s.ended = true
			return nil
		}
		return s.ppp.Late()
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
	return s.ppp.Whole(p.Payload)
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
	if s.reader != nil {
		s.reader.Abandon()
	} else if s.conn != nil && s.path == nil {
		_ = s.conn.Close()
	}
	s.ppp.Close()
}

// say sends a message.
func (s *session) say(m sstp.Message) error {
	s.trace("sent %s", m.Type)
	return s.send(sstp.TypeControl, sstp.Packet{Control: true, Payload: m.Append(nil)})
}

// send sends by the connection, or by the path as a frame of that type.
func (s *session) send(kind uint32, p sstp.Packet) error {
	if s.path != nil {
		return tries.Broken(s.path.Send(kind, p.Payload))
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
