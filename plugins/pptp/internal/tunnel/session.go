package tunnel

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/penstock-vpn/penstock/plugins/internal/ppp"
	"github.com/penstock-vpn/penstock/plugins/internal/pppcall"
	"github.com/penstock-vpn/penstock/plugins/internal/reader"
	"github.com/penstock-vpn/penstock/plugins/internal/tries"
	"github.com/penstock-vpn/penstock/plugins/pptp/internal/pptp"
	"github.com/penstock-vpn/penstock/sdk"
	"github.com/penstock-vpn/penstock/sdk/diag"
)

// session is the state of one user's session; it carries the call of PPP.
type session struct {
	host *sdk.Session
	o    Options
	ctx  context.Context // ends with Run

	control  *sdk.Transport
	messages *reader.Reader
	unread   []byte // of control
	ticker   *time.Ticker
	echo     uint32 // number of the last Echo-Request
	echoed   bool   // it was answered

	gre     *sdk.Transport // nil: before the call, and once there is a path
	packets *reader.Reader
	line    pptp.Line
	path    *sdk.Path // nil: before Up

	ppp  *pppcall.Call
	mppe *sdk.MPPE // nil: packets go in the clear

	stopping bool
	ended    bool
}

const (
	openTime = 30 * time.Second
	echoTime = 60 * time.Second // between signs of life of the control connection (RFC 2637 section 3.1.4)
)

func newSession(ctx context.Context, host *sdk.Session, o Options) *session {
	s := &session{host: host, o: o, ctx: ctx, echoed: true, ticker: time.NewTicker(echoTime)}
	s.ppp = pppcall.New(ctx, host, s, o.Options)
	return s
}

// begin opens the control connection.
func (s *session) begin(until context.Context) (err error) {
	ctx, cancel := context.WithTimeout(until, openTime)
	defer cancel()
	if s.control, err = s.host.OpenTCP(ctx, s.o.Host, s.o.Port); err != nil {
		return tries.Failed(err)
	}
	s.messages = reader.New(s.control)
	s.ppp.Wait("the control connection")
	return s.say(pptp.Start())
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
	var packets <-chan []byte
	if s.packets != nil {
		packets = s.packets.Came
	}
	select {
	case e, ok := <-s.host.Events():
		if !ok {
			s.ended = true
			return context.Cause(s.ctx)
		}
		return s.event(e)
	case b, ok := <-s.messages.Came:
		if !ok {
			return s.lost(s.messages.Err)
		}
		s.unread = append(s.unread, b...)
		return s.take()
	case b, ok := <-packets:
		if !ok {
			return s.deaf(s.packets.Err)
		}
		return s.packet(b)
	case answer := <-s.ppp.Answers():
		return s.ppp.Take(answer)
	case <-due:
		return s.ppp.Tick()
	case <-s.ticker.C:
		return s.askAlive()
	case <-s.ppp.Expired():
		if s.stopping {
			s.ended = true
			return nil
		}
		return s.ppp.Late()
	}
}

// packet takes what came by GRE before there is a path.
func (s *session) packet(b []byte) error {
	frame := s.line.Take(b)
	if frame == nil || s.path != nil {
		return nil
	}
	protocol, payload, err := ppp.ParseFrame(frame)
	if err != nil || protocol < firstControl {
		return nil // packets, which nobody can take yet
	}
	return s.ppp.Frame(protocol, payload)
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
	s.ticker.Stop()
	if s.packets != nil && s.path == nil {
		s.packets.Abandon()
	}
	if s.messages != nil {
		s.messages.Abandon()
	}
	s.ppp.Close()
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
